//! What customers come to who are shown as one: SQL over a customer `t` and those that were merged into it.

/// A customer `t` and those that were merged into it, each under `f.id`: what names any of them is its own. One after the other,
/// so that each is found by its index.
macro_rules! family {
    () => {
        "(select t.id union all select m.id from {s}.customers m where m.merged_into = t.id) f(id)"
    };
}

/// The day of the last order that stands: those that are cancelled were none.
macro_rules! last_order_date {
    () => {
        concat!(
            "(select reading.day(max(o.placed_at)) from ",
            family!(),
            " cross join lateral (select max(o.placed_at) as placed_at from {s}.orders o where o.customer_id = f.id and o.status <> 'cancelled') o)"
        )
    };
}

/// What was ordered, together.
macro_rules! ordered {
    () => {
        "(select sum(f.total_orders) as total_orders, sum(f.valued_orders) as valued_orders, sum(f.total_revenue) as total_revenue, \
         sum(f.lifetime_value) as lifetime_value from (select t.total_orders, t.valued_orders, t.total_revenue, t.lifetime_value \
         union all select m.total_orders, m.valued_orders, m.total_revenue, m.lifetime_value from {s}.customers m where m.merged_into = t.id) f) s"
    };
}

/// The newest twenty invoices that are or were to be paid.
macro_rules! newest_invoices {
    () => {
        concat!(
            "(select i.* from ",
            family!(),
            " cross join lateral (select * from {s}.invoices i where i.customer_id = f.id and i.kind <> 'credit' \
             and i.state in ('sent', 'partial', 'paid') order by i.created_at desc limit 20) i order by i.created_at desc limit 20)"
        )
    };
}

/// A sum of those that are shown as one.
macro_rules! together {
    ($column:literal) => {
        concat!(
            "t.",
            $column,
            " + coalesce((select sum(m.",
            $column,
            ") from {s}.customers m where m.merged_into = t.id), 0)"
        )
    };
}

/// The same by currency.
macro_rules! together_by_currency {
    ($column:literal) => {
        concat!(
            "case when not exists (select from {s}.customers m where m.merged_into = t.id) then t.",
            $column,
            " else (select coalesce(jsonb_object_agg(e.key, e.sum), '{}') from (select e.key, sum(e.value::numeric) as sum from (select t.",
            $column,
            " as sums union all select m.",
            $column,
            " from {s}.customers m where m.merged_into = t.id) f, jsonb_each_text(f.sums) e group by e.key) e) end"
        )
    };
}

pub(super) use {family, last_order_date, newest_invoices, ordered, together, together_by_currency};

-- The moment that is read of: now, unless a session names another. What depends on today depends on this.

create function {schema}.moment() returns timestamptz language sql stable parallel safe
return coalesce(nullif(current_setting('prometric.moment', true), '')::timestamptz, now());

create or replace function {schema}.invoice_status(state text, due date) returns text language sql stable strict parallel safe
return case when state in ('sent', 'partial') and due < ({schema}.moment() at time zone 'Asia/Almaty')::date then 'overdue' else state end;

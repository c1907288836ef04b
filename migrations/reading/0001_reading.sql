-- What the read models of all workspaces share. A workspace's role may use it; there is nothing of anybody's in it.

grant usage on schema {schema} to public;

-- Trigrams, for search: an extension that a database's owner may create.
create extension if not exists pg_trgm with schema {schema};

-- Names sort by the alphabet of Kazakh, which holds the Russian one, whatever the case. Equal is only what is the same.
create collation {schema}.kazakh (provider = icu, locale = 'kk');

-- A text as search compares it: composed, in lower case.
create function {schema}.folded(text) returns text language sql immutable strict parallel safe
return lower(normalize($1, nfc) collate {schema}.kazakh);

-- An instant as it is shown everywhere: in UTC, with a Z.
create function {schema}.instant(timestamptz) returns text language sql stable strict parallel safe
return to_char($1 at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- The date on the wall in Kazakhstan.
create function {schema}.day(timestamptz) returns date language sql stable strict parallel safe
return ($1 at time zone 'Asia/Almaty')::date;

-- The one truth about an invoice's status: overdue is what is past due with something open.
create function {schema}.invoice_status(state text, due date) returns text language sql stable strict parallel safe
return case when state in ('sent', 'partial') and due < (now() at time zone 'Asia/Almaty')::date then 'overdue' else state end;

-- How many rows a query finds, if these are no more than `most`; an estimate otherwise, which is told by being negative.
-- The planner is asked first: where it sees far more, nothing is counted. Volatile only because it explains.
create function {schema}.total(query text, args text[], most bigint) returns bigint language plpgsql as $$
declare
    plan     json;
    expected bigint;
    found    bigint;
begin
    execute 'explain (format json) ' || query into plan using args;
    expected := (plan -> 0 -> 'Plan' ->> 'Plan Rows')::bigint;
    if expected > 10 * most then
        return -expected;
    end if;
    execute format('select count(*) from (%s limit %s) t', query, most + 1) into found using args;
    if found > most then
        return -greatest(expected, found);
    end if;
    return found;
end $$;

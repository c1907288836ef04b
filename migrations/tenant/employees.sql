-- Employees. Filtered by department, status and role; sorted by name; searched. By user: whose department somebody is in.

create table {schema}.employees (
    id                uuid primary key,
    version           bigint not null,
    user_id           uuid,
    status            text not null,
    email             text,
    first_name        text collate reading.kazakh not null,
    last_name         text collate reading.kazakh not null,
    position          text,
    department_id     uuid,
    phone             text,
    emergency_contact text,
    iin               text,
    passport          text,
    hire_date         date,
    contract_type     text,
    salary            numeric,
    currency          text not null,
    organization_role text not null, -- this and the next two: what was asked for; of a member, what is true stands with the members
    role_id           uuid,
    permissions       jsonb not null,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    search_text       text
        generated always as (reading.folded(first_name || ' ' || last_name || ' ' || first_name || e'\n' || coalesce(email, '') || e'\n' || coalesce(phone, '') || e'\n' || coalesce(position, ''))) stored
);
create index employees_newest on {schema}.employees (created_at, id);
create index employees_by_status on {schema}.employees (status, created_at, id);
create index employees_by_department on {schema}.employees (department_id, created_at, id);
create index employees_by_user on {schema}.employees (user_id, created_at, id);
create index employees_by_role on {schema}.employees (organization_role, created_at, id);
create index employees_by_name on {schema}.employees (last_name, id);
create index employees_search on {schema}.employees using gin (search_text {trgm}.gin_trgm_ops);

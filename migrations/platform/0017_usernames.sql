-- Who signs in by a user name has no address (document 4); that it is nobody else's is claimed in the log. Of those who were erased
-- all names are the same. And what is known of a store.

alter table {schema}.users
    alter column email drop not null,
    add column username text;
create index users_by_username on {schema}.users (username);

alter table {schema}.workspaces
    add column description text,
    add column address     text,
    add column phone       text,
    add column email       text;

-- In which language to write to who is invited.
alter table {schema}.invitations add column language text not null default 'ru-RU';

-- The Merkle tree over a workspace's events (log/src/keeping/tree.rs), up to the position that was signed last: its peaks are all
-- that is needed to go on from there. Nothing here is truth: without a row the tree is made from the first event on.
create table log.trees (
    workspace_id uuid    primary key,
    position     bigint  not null,
    peaks        bytea[] not null -- the roots of the whole trees that it is made of, the largest first
);

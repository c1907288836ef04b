-- What becomes of an append is decided by the node (log/src/batch/decide.rs), on facts that it knows or reads under the heads'
-- locks: one state machine, for a lone append and a batch, straight or contended, numbered or not.
drop function log.append;
drop function log.number_text;

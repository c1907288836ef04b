-- A head's time is that of its event. A command that wrote no event used to move it.
update log.heads h set recorded_at = e.recorded_at from log.events e
    where e.workspace_id = h.workspace_id and e.position = h.position and e.recorded_at <> h.recorded_at;

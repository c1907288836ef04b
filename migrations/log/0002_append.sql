-- Group commit in one call: all that a batch of appends needs from the database happens in here, in one round trip and
-- one transaction: lock the heads, check, drop the losers, number, chain, insert, advance. The caller gathers a batch so
-- that no two appends of it touch the same stream, claim or command (log/src/queue.rs); so each is checked against the
-- tables alone. The chain's arithmetic is that of log/src/chain.rs, which verifies it.
--
-- While nobody else writes to its workspaces, a node does without it: log/src/batch/straight.rs.
--
-- A line `-- fault: NAME` is a point at which tests stop, fail or kill the transaction (tests/src/fault.rs).

-- Sweeping by age needs no exact order: a block-range index costs an append next to nothing.
drop index log.commands_by_age;
create index commands_by_age on log.commands using brin (recorded_at) with (pages_per_range = 16, autosummarize = on);

create function log.number_text(series text, year int, number bigint) returns text language sql immutable as
$$ select series || '-' || year || '-' || lpad(number::text, greatest(4, length(number::text)), '0') $$;

create function log.append(
    trusting         bool,     -- fail rather than look for what is most likely new
    workspaces       uuid[],   -- distinct, in order
    -- appends, in the order of their workspaces
    append_home      int[],    -- index of its workspace
    metadata         json[],
    metadata_digests bytea[],
    years            int[],    -- that numbers are taken from
    command_ids      uuid[],   -- null = none
    request_hashes   bytea[],
    answers          text[],
    -- streams that are written or guarded, in the order of their appends
    stream_append    int[],    -- index of its append
    stream_ids       uuid[],
    stream_expected  bigint[], -- -1 = any
    stream_begins    bool[],   -- its first event is among these: that it is new, its key will tell
    -- keys taken or released, each once per append
    claim_append     int[],
    claim_kinds      text[],
    claim_keys       text[],
    claim_takers     uuid[],   -- null = given back
    claim_givers     uuid[],   -- null = nobody gives it back
    -- events, in the order of their appends
    event_append     int[],
    event_stream     int[],    -- index of its stream
    event_ids        uuid[],
    categories       text[],
    types            text[],
    names            bytea[],  -- category, type and stream as they are hashed
    schemas          int[],
    data             json[],   -- with "" for a number still to be given
    data_digests     bytea[],
    series           text[],   -- '' = no number
    number_at        int[],    -- the character before which it goes
    -- what each append came to: 0 written, 1 repeated, 2 command id of another request, 3 stream elsewhere, 4 claimed
    out verdicts     int[],
    out culprits     int[],    -- the stream or claim that it lost by
    out culprit_at   bigint[], -- where that stream stands
    out owners       uuid[],   -- who holds that claim
    out positions    bigint[], -- where its workspace stands afterwards
    out times        timestamptz[],
    -- and each event
    out versions     bigint[],
    out numbers      bigint[], -- 0 = none
    out hashes       bytea[]
) language plpgsql as $$
declare
    head_positions  bigint[];
    head_hashes     bytea[];
    head_times      timestamptz[];
    stands          bigint[]; -- by stream
    event_positions bigint[]; -- 0 = not written
    firsts          bigint[]; -- by append
    appends         int := cardinality(append_home);
    events          int := cardinality(event_append);
    home            int := 0;
    a               int;
    s               int;
    at              bigint;
    head            bytea;
    home_bytes      bytea;
    now_at          timestamptz;
    now_bytes       bytea;
    found           record;
begin
    -- 1. The heads, in order, so that no two batches wait for each other crosswise.
    for attempt in 1 .. 2 loop
        select array_agg(h.position), array_agg(h.hash), array_agg(h.recorded_at)
        into head_positions, head_hashes, head_times
        from (select * from log.heads where workspace_id = any (workspaces) order by workspace_id for update) h;
        exit when cardinality(head_positions) = cardinality(workspaces);
        insert into log.heads (workspace_id) select w from unnest(workspaces) w order by w on conflict do nothing;
    end loop;
    -- fault: heads_locked

    -- 2. Who loses. What is read from here on cannot change before the commit.
    if trusting then
        -- A stream said to be new and a command id are not looked for: if they are there, the inserts below violate a
        -- key, nothing is written, and the caller asks again without trust. (An archived stream violates nothing.)
        trusting := not exists (select from log.archived_streams);
    end if;
    select array_agg(case when trusting and u.begins then 0 else coalesce(
        (select max(e.version) from log.events e
         where e.workspace_id = workspaces[append_home[u.append]] and e.stream_id = u.stream),
        (select f.version from log.archived_streams f
         where f.workspace_id = workspaces[append_home[u.append]] and f.stream_id = u.stream), 0) end)
    into stands from unnest(stream_append, stream_ids, stream_begins) u(append, stream, begins);
    verdicts := array_fill(0, array[appends]);
    culprits := verdicts;
    culprit_at := array_fill(0::bigint, array[appends]);
    owners := array_fill(null::uuid, array[appends]);
    for i in 1 .. cardinality(stream_ids) loop
        if stream_expected[i] <> -1 and stream_expected[i] <> stands[i] then
            a := stream_append[i];
            verdicts[a] := 3;
            culprits[a] := i;
            culprit_at[a] := stands[i];
        end if;
    end loop;
    if cardinality(claim_keys) > 0 then
        for found in
            select u.append, u.n, c.stream_id
            from unnest(claim_append, claim_kinds, claim_keys, claim_takers, claim_givers)
                with ordinality u(append, kind, key, taker, giver, n)
            join log.claims c on c.workspace_id = workspaces[append_home[u.append]] and c.kind = u.kind and c.key = u.key
            where c.stream_id <> u.taker and c.stream_id is distinct from u.giver
        loop
            continue when verdicts[found.append] <> 0;
            verdicts[found.append] := 4;
            culprits[found.append] := found.n;
            owners[found.append] := found.stream_id;
        end loop;
    end if;
    -- Last, because it outweighs the rest: a repeat is answered, however things stand by now.
    if not trusting or 0 <> any (verdicts) then
        for found in
            select u.append, c.request_hash = request_hashes[u.append] as same
            from unnest(command_ids) with ordinality u(command_id, append)
            join log.commands c on c.workspace_id = workspaces[append_home[u.append]] and c.command_id = u.command_id
            where not trusting or verdicts[u.append] <> 0
        loop
            verdicts[found.append] := case when found.same then 1 else 2 end;
        end loop;
    end if;
    -- fault: checked

    -- 3. Numbers, for those who won.
    numbers := array_fill(0::bigint, array[events]);
    if '' <> any (series) then
        for found in
            with wanted as (
                select u.n, u.data, u.at, workspaces[append_home[u.append]] as workspace_id, u.series, years[u.append] as year
                from unnest(event_append, data, series, number_at) with ordinality u(append, data, series, at, n)
                where u.series <> '' and verdicts[u.append] = 0
            ), given as (
                insert into log.numbers as g (workspace_id, series, year, last)
                select w.workspace_id, w.series, w.year, count(*) from wanted w group by 1, 2, 3 order by 1, 2, 3
                on conflict on constraint numbers_pkey do update set last = g.last + excluded.last
                returning g.workspace_id, g.series, g.year, g.last
            )
            select w.n, w.data::text, w.at, w.series, w.year,
                   g.last + 1 - row_number() over (partition by w.workspace_id, w.series, w.year order by w.n desc) as number
            from wanted w
            join given g on g.workspace_id = w.workspace_id and g.series = w.series and g.year = w.year
        loop
            numbers[found.n] := found.number;
            data[found.n] := overlay(
                found.data placing log.number_text(found.series, found.year, found.number) from found.at for 0)::json;
            data_digests[found.n] := sha256(convert_to(data[found.n]::text, 'UTF8'));
        end loop;
    end if;
    -- fault: numbered

    -- 4. Positions, versions and hashes: event by event, since each hash covers the one before.
    event_positions := array_fill(0::bigint, array[events]);
    versions := event_positions;
    positions := array_fill(0::bigint, array[appends]);
    firsts := positions;
    s := 1; -- the event in hand
    for i in 1 .. appends loop
        if append_home[i] <> home then
            if home > 0 then
                head_positions[home] := at;
                head_hashes[home] := head;
            end if;
            home := append_home[i];
            at := head_positions[home];
            head := head_hashes[home];
            home_bytes := uuid_send(workspaces[home]);
            now_at := greatest(head_times[home], clock_timestamp());
            now_bytes := int8send((extract(epoch from now_at) * 1000000)::bigint);
            head_times[home] := now_at;
        end if;
        firsts[i] := at + 1;
        while event_append[s] = i loop
            if verdicts[i] = 0 then
                at := at + 1;
                a := event_stream[s];
                stands[a] := stands[a] + 1;
                head := sha256(head || home_bytes || int8send(at) || names[s] || int8send(stands[a]) || uuid_send(event_ids[s])
                    || int4send(schemas[s]) || now_bytes || data_digests[s] || metadata_digests[i]);
                event_positions[s] := at;
                versions[s] := stands[a];
            end if;
            hashes[s] := head;
            s := s + 1;
        end loop;
        positions[i] := at;
        times[i] := now_at;
    end loop;
    head_positions[home] := at;
    head_hashes[home] := head;
    -- fault: chained

    with moved as (
        update log.heads h set position = u.position, hash = u.hash, recorded_at = u.time
        from unnest(workspaces, head_positions, head_hashes, head_times) u(workspace_id, position, hash, time)
        where h.workspace_id = u.workspace_id and h.position < u.position
    ), entered as (
        insert into log.commands (workspace_id, command_id, request_hash, first_position, last_position, answer, recorded_at)
        select workspaces[append_home[u.append]], u.id, u.hash, firsts[u.append], positions[u.append], u.answer, times[u.append]
        from unnest(command_ids, request_hashes, answers) with ordinality u(id, hash, answer, append)
        where u.id is not null and verdicts[u.append] = 0
    )
    insert into log.events (workspace_id, position, stream_category, stream_id, version, event_id, type, schema, data,
        metadata, recorded_at, hash)
    select workspaces[append_home[u.append]], u.position, u.category, stream_ids[u.stream], u.version, u.id, u.type, u.schema,
        u.data, metadata[u.append], times[u.append], u.hash
    from unnest(event_append, event_positions, categories, event_stream, versions, event_ids, types, schemas, data, hashes)
        u(append, position, category, stream, version, id, type, schema, data, hash)
    where u.position > 0;
    -- fault: written

    if cardinality(claim_keys) > 0 then
        delete from log.claims c
        using unnest(claim_append, claim_kinds, claim_keys, claim_takers, claim_givers) u(append, kind, key, taker, giver)
        where c.workspace_id = workspaces[append_home[u.append]] and c.kind = u.kind and c.key = u.key
            and c.stream_id = u.giver and u.taker is null and verdicts[u.append] = 0;
        insert into log.claims (workspace_id, kind, key, stream_id)
        select workspaces[append_home[u.append]], u.kind, u.key, u.taker
        from unnest(claim_append, claim_kinds, claim_keys, claim_takers) u(append, kind, key, taker)
        where u.taker is not null and verdicts[u.append] = 0
        on conflict on constraint claims_pkey do update set stream_id = excluded.stream_id;
    end if;
    -- fault: claims_written
end
$$;

CREATE TABLE shop (
    domain               TEXT   NOT NULL PRIMARY KEY,
    status               TEXT   NOT NULL,
    installed_at         BIGINT NOT NULL,
    scopes               TEXT   NOT NULL, -- separated by spaces
    reconciled_at        BIGINT,
    revision             BIGINT NOT NULL DEFAULT 0,
    published_at         BIGINT,
    published_revision   BIGINT,
    published_hash       TEXT,
    token_version        BIGINT NOT NULL DEFAULT 0,
    access_token         TEXT,            -- sealed
    access_expires_at    BIGINT,
    refresh_token        TEXT,            -- sealed
    refresh_expires_at   BIGINT
);

CREATE TABLE delivery (
    shop         TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    topic        TEXT   NOT NULL,
    event_id     TEXT,
    triggered_at BIGINT,
    received_at  BIGINT NOT NULL,
    subject      TEXT   NOT NULL,
    PRIMARY KEY (shop, id)
);

CREATE INDEX delivery_received ON delivery (received_at);

-- What is asked of a shop, and who holds it. `asked_*` was raised since the last claim; `taken_*` is what that claim
-- took, until its run ends. A claim takes both together.
CREATE TABLE work (
    shop          TEXT   NOT NULL PRIMARY KEY,
    due_at        BIGINT,                    -- when it can be claimed; NULL: not before something new is asked
    asked_after   BIGINT,                    -- the earliest time asked for since the last claim
    asked_trigger TEXT,                      -- NULL: no full scan
    asked_accept  BIGINT NOT NULL DEFAULT 0, -- 1: a mass disappearance is meant
    asked_erase   BIGINT NOT NULL DEFAULT 0,
    taken_trigger TEXT,
    taken_accept  BIGINT NOT NULL DEFAULT 0,
    taken_erase   BIGINT NOT NULL DEFAULT 0,
    mark          BIGINT NOT NULL DEFAULT 0, -- grows with every demand
    claimed_mark  BIGINT NOT NULL DEFAULT 0, -- the mark when it was claimed
    claimed_at    BIGINT NOT NULL DEFAULT 0,
    lease_token   BIGINT NOT NULL DEFAULT 0, -- fences writes; grows with every claim
    lease_until   BIGINT,                    -- NULL: nobody holds it
    attempts      BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX work_due ON work (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE dirty_item (
    shop       TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    id         BIGINT NOT NULL,
    mark       BIGINT NOT NULL,
    attempts   BIGINT NOT NULL DEFAULT 0,
    not_before BIGINT,
    error      TEXT,
    PRIMARY KEY (shop, kind, id)
);

CREATE TABLE item (
    shop       TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    id         BIGINT NOT NULL,
    section    TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    label      TEXT   NOT NULL,
    updated_at BIGINT,
    seen_run   BIGINT,
    deleted_at BIGINT,
    body       TEXT   NOT NULL,
    PRIMARY KEY (shop, kind, id)
);

CREATE INDEX item_page ON item (shop, section, id) WHERE deleted_at IS NULL;

CREATE TABLE item_reference (
    shop    TEXT   NOT NULL,
    to_kind TEXT   NOT NULL,
    to_id   BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    id      BIGINT NOT NULL,
    PRIMARY KEY (shop, to_kind, to_id, kind, id)
);

CREATE INDEX item_reference_from ON item_reference (shop, kind, id);

CREATE TABLE run (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    shop        TEXT   NOT NULL,
    cause       TEXT   NOT NULL,
    full_scan   BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    finished_at BIGINT,
    outcome     TEXT,  -- JSON
    counts      TEXT   -- JSON
);

CREATE INDEX run_shop ON run (shop, id);

-- One row: the poll slot opened last.
CREATE TABLE poll_slot (
    id     BIGINT NOT NULL PRIMARY KEY,
    opened BIGINT NOT NULL
);

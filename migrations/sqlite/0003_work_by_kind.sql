-- One row for each shop and kind of work instead of one for each shop; the lease has a row of its own. Each item has the revision
-- that last changed it; what was published last has a row for each shop and layout.
--
-- Unlike other migrations, this one does not leave the columns of the release before: stop its processes first.

CREATE TABLE lease (
    shop  TEXT   NOT NULL PRIMARY KEY,
    token BIGINT NOT NULL DEFAULT 0, -- fences writes; grows with every claim
    until BIGINT                     -- NULL: nobody holds the shop
);

-- The number of each shop's latest work request. Its row serialises the requests of a shop; claims do not lock it.
CREATE TABLE work_seq (
    shop TEXT   NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL
);

DROP INDEX work_due;
ALTER TABLE work RENAME TO work_of_0002;

CREATE TABLE work (
    shop      TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    claimed   BIGINT NOT NULL,           -- 0: waiting; 1: claimed by the holder of the shop's lease
    seq       BIGINT NOT NULL,           -- the number of the latest request for it
    due_at    BIGINT NOT NULL,           -- of claimed work: when it was claimed
    cause     TEXT   NOT NULL,           -- the trigger of the first request
    arguments TEXT,                      -- JSON; NULL: the defaults
    attempts  BIGINT NOT NULL DEFAULT 0, -- consecutive failed ones
    error     TEXT,                      -- of the last failed one
    dead      BIGINT NOT NULL DEFAULT 0, -- 1: not due until it is requested again
    PRIMARY KEY (shop, kind, claimed)
);

CREATE INDEX work_due ON work (due_at) WHERE dead = 0;

INSERT INTO lease (shop, token, until) SELECT shop, lease_token, lease_until FROM work_of_0002;
INSERT INTO work_seq (shop, seq) SELECT shop, mark FROM work_of_0002;

-- `taken_*` was claimed and not finished, `asked_*` was requested since. Both are waiting work now; the lease, if one is held, ends
-- first. Without a due time, dirty items waited for a new request.
INSERT INTO work (shop, kind, claimed, seq, due_at, cause, arguments, attempts)
SELECT shop, 'scan', 0, mark, COALESCE(due_at, 0), COALESCE(taken_trigger, asked_trigger),
       CASE WHEN taken_accept + asked_accept > 0 THEN '{"accept_deletions":true}' END, attempts
  FROM work_of_0002 WHERE COALESCE(taken_trigger, asked_trigger) IS NOT NULL;
INSERT INTO work (shop, kind, claimed, seq, due_at, cause)
SELECT shop, 'subscribe', 0, seq, due_at, cause FROM work WHERE kind = 'scan';
INSERT INTO work (shop, kind, claimed, seq, due_at, cause, attempts)
SELECT shop, 'erase', 0, mark, COALESCE(due_at, 0), 'webhook', attempts
  FROM work_of_0002 WHERE taken_erase + asked_erase > 0;
INSERT INTO work (shop, kind, claimed, seq, due_at, cause, attempts, dead)
SELECT shop, 'refresh', 0, mark, COALESCE(due_at, 0), 'webhook', attempts, CASE WHEN due_at IS NULL THEN 1 ELSE 0 END
  FROM work_of_0002 WHERE EXISTS (SELECT 1 FROM dirty_item WHERE dirty_item.shop = work_of_0002.shop);
DROP TABLE work_of_0002;

ALTER TABLE dirty_item RENAME COLUMN mark TO seq;

ALTER TABLE item ADD COLUMN revision BIGINT NOT NULL DEFAULT 0; -- the shop's revision that last changed it
UPDATE item SET revision = COALESCE((SELECT shop.revision FROM shop WHERE shop.domain = item.shop), 0);
CREATE INDEX item_revision ON item (shop, revision);

CREATE TABLE publication (
    shop           TEXT   NOT NULL,
    layout         TEXT   NOT NULL,
    revision       BIGINT NOT NULL, -- of the mirror
    generation     BIGINT NOT NULL,
    object_key     TEXT   NOT NULL,
    hash           TEXT   NOT NULL,
    bytes          BIGINT NOT NULL, -- 0: published before this was recorded
    object_version TEXT,            -- the ETag
    published_at   BIGINT NOT NULL,
    PRIMARY KEY (shop, layout)
);

INSERT INTO publication (shop, layout, revision, generation, object_key, hash, bytes, published_at)
SELECT domain, 'single', published_revision, published_revision, domain || '/shopify_data.json', published_hash, 0, published_at
  FROM shop WHERE published_revision IS NOT NULL AND published_hash IS NOT NULL AND published_at IS NOT NULL;

-- A shop whose mirror is ahead of its publication.
INSERT INTO lease (shop) SELECT domain FROM shop
 WHERE NOT EXISTS (SELECT 1 FROM lease WHERE lease.shop = shop.domain);
INSERT INTO work (shop, kind, claimed, seq, due_at, cause)
SELECT domain, 'publish', 0, 0, 0, 'webhook' FROM shop
 WHERE reconciled_at IS NOT NULL AND (published_revision IS NULL OR published_revision < revision);

ALTER TABLE shop DROP COLUMN published_at;
ALTER TABLE shop DROP COLUMN published_revision;
ALTER TABLE shop DROP COLUMN published_hash;

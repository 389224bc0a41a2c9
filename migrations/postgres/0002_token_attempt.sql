-- What was begun to replace a shop's token. It counts as long as `attempt_version` is `token_version`: whoever replaces the
-- token ends it, also a replica of the release before.
ALTER TABLE shop ADD COLUMN attempt_version  BIGINT;
ALTER TABLE shop ADD COLUMN attempt_by       BIGINT; -- 64 random bits
ALTER TABLE shop ADD COLUMN attempt_begun_at BIGINT;
ALTER TABLE shop ADD COLUMN attempt_purpose  TEXT;

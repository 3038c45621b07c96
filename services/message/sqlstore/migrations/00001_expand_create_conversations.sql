-- +goose Up
CREATE TABLE conversations (
  id BINARY(16) NOT NULL PRIMARY KEY,
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL,
  pair_key VARBINARY(32) NULL,
  relation_version BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  rev BIGINT NOT NULL,
  members_rev BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  active_at BIGINT NOT NULL
);

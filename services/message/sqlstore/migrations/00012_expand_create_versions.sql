-- +goose Up
CREATE TABLE versions (
  conversation_id BINARY(16) NOT NULL,
  seq BIGINT NOT NULL,
  number INTEGER NOT NULL,
  written_at BIGINT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (conversation_id, seq, number)
);

-- +goose Up
CREATE TABLE hidden (
  conversation_id BINARY(16) NOT NULL,
  user_id BINARY(16) NOT NULL,
  seq BIGINT NOT NULL,
  rev BIGINT NOT NULL,
  PRIMARY KEY (conversation_id, user_id, seq)
);

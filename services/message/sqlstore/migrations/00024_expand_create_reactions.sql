-- +goose Up
CREATE TABLE reactions (
  conversation_id BINARY(16) NOT NULL,
  seq BIGINT NOT NULL,
  emoji VARBINARY(64) NOT NULL,
  user_id BINARY(16) NOT NULL,
  PRIMARY KEY (conversation_id, seq, emoji, user_id)
);

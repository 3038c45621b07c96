-- +goose Up
CREATE TABLE silent (
  conversation_id BINARY(16) NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (conversation_id, seq)
);

-- +goose Up
CREATE TABLE changes (
  conversation_id BINARY(16) NOT NULL,
  rev BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (conversation_id, rev)
);

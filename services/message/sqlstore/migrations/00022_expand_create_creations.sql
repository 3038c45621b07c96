-- +goose Up
CREATE TABLE creations (
  user_id BINARY(16) NOT NULL,
  idempotency_key BINARY(16) NOT NULL,
  conversation_id BINARY(16) NOT NULL,
  payload_hash BINARY(32) NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, idempotency_key)
);

-- +goose Up
CREATE TABLE messages (
  conversation_id BINARY(16) NOT NULL,
  seq BIGINT NOT NULL,
  id BINARY(16) NOT NULL,
  client_message_id BINARY(16) NOT NULL,
  sender_id BINARY(16) NOT NULL,
  sent_at BIGINT NOT NULL,
  rev BIGINT NOT NULL,
  kind INTEGER NOT NULL,
  body BLOB NOT NULL,
  payload_hash BINARY(32) NOT NULL,
  PRIMARY KEY (conversation_id, seq)
);

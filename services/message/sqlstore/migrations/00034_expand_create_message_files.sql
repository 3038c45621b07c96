-- +goose Up
CREATE TABLE message_files (
  file_id BINARY(16) NOT NULL,
  conversation_id BINARY(16) NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (file_id, conversation_id, seq)
);

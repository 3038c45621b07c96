-- +goose Up
CREATE TABLE members (
  conversation_id BINARY(16) NOT NULL,
  user_id BINARY(16) NOT NULL,
  joined_seq BIGINT NOT NULL,
  left_seq BIGINT NULL,
  read_seq BIGINT NOT NULL,
  active_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (conversation_id, user_id, joined_seq)
);

-- +goose Up
CREATE UNIQUE INDEX hidden_rev ON hidden (conversation_id, user_id, rev);

-- +goose Up
CREATE INDEX blocks_since ON blocks (owner_id, since, blocked_id);

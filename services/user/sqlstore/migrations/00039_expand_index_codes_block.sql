-- +goose Up
CREATE INDEX codes_block ON codes (block, created_at);

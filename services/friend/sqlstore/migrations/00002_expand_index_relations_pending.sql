-- +goose Up
CREATE INDEX relations_pending_since ON relations (pending_since);

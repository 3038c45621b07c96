-- +goose Up
CREATE INDEX audit_entries_action ON audit_entries (action, created_at, id);

-- +goose Up
CREATE INDEX audit_entries_actor_id ON audit_entries (actor_id, created_at, id);

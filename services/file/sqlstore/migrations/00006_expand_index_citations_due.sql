-- +goose Up
CREATE INDEX citations_due ON citations (due_at);

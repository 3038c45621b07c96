-- +goose Up
CREATE INDEX files_uncited ON files (state, uncited_since);

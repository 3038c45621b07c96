-- +goose Up
CREATE INDEX attempts_charged_at ON attempts (charged_at);

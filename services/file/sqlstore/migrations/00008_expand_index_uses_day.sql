-- +goose Up
CREATE INDEX uses_day ON uses (used_on);

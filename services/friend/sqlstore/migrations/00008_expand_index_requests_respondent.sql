-- +goose Up
CREATE INDEX requests_respondent ON requests (respondent_id, state, created_at, id);

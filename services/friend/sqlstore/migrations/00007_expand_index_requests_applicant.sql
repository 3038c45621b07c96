-- +goose Up
CREATE INDEX requests_applicant ON requests (applicant_id, state, created_at, id);

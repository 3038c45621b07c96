// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// awaitPause is between two looks at a MySQL that does not answer; chosen.
const awaitPause = time.Second

// awaitMySQL asks until the server answers, a refusal included, or until the wait is over. A new cluster
// starts this program and its database at once.
func awaitMySQL(ctx context.Context, environ map[string]string, wait time.Duration) (component.Class, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		err := askServer(ctx, environ, func(ctx context.Context, db *sqldb.DB) error { return db.Ping(ctx) })
		class := sqldb.ClassOf(err)
		if class != component.ClassUnreachable || wait <= 0 {
			return class, err
		}
		select {
		case <-ctx.Done():
			return class, err
		case <-over.C:
			return class, err
		case <-time.After(awaitPause):
		}
	}
}

// createSchemas makes all schemas that are missing, before the first is changed.
func createSchemas(ctx context.Context, environ map[string]string, wanted []database) error {
	for _, d := range wanted {
		if d.schema == "" {
			continue
		}
		if err := createSchema(ctx, environ, d); err != nil {
			return explainMySQL(d, err)
		}
	}
	return nil
}

// createSchema makes a schema that is missing. It looks before: whoever has one needs no right to create.
func createSchema(ctx context.Context, environ map[string]string, d database) error {
	if !schemaName.MatchString(d.schema) {
		return fmt.Errorf("the schema of %s has a name that must be created by hand", d.name)
	}
	return askServer(ctx, environ, func(ctx context.Context, db *sqldb.DB) error {
		var there int
		err := db.Get(ctx, &there, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", d.schema)
		if err != nil || there > 0 {
			return err
		}
		_, err = db.Exec(ctx, "CREATE DATABASE IF NOT EXISTS `"+d.schema+"` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
		return err
	})
}

// askServer connects without a schema.
func askServer(ctx context.Context, environ map[string]string, ask func(ctx context.Context, db *sqldb.DB) error) error {
	server, err := withoutSchema(environ)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	db, err := sqldb.Open(sqldb.Config{DSN: server, MaxOpenConns: 1})
	if err != nil {
		return err
	}
	return errors.Join(ask(ctx, db), db.Close())
}

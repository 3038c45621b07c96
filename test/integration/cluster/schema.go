// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	_ "github.com/go-sql-driver/mysql" // creates the schemas

	"github.com/parley-chat/parley/api/component"
)

// withSchema lists the components that own tables.
func withSchema() []component.Name {
	return []component.Name{component.User, component.Friend, component.File, component.Message}
}

func hasSchema(name component.Name) bool {
	return slices.Contains(withSchema(), name)
}

// dsn names the schema of a component.
func (c *Cluster) dsn(name component.Name) string {
	return strings.TrimSuffix(c.options.MySQL, "/") + "/parley_" + string(name)
}

// migrate makes a schema for each component that owns tables, and brings it up to date as the operator's
// Job does.
func (c *Cluster) migrate(ctx context.Context) error {
	if err := c.createSchemas(ctx); err != nil {
		return err
	}
	for _, name := range withSchema() {
		if err := c.run(ctx, c.processes[string(name)].env, "migrate", string(name)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) createSchemas(ctx context.Context) (err error) {
	// "mysql://root@127.0.0.1:3306/" is "root@tcp(127.0.0.1:3306)/" for the driver.
	login, address, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(c.options.MySQL, "mysql://"), "/"), "@")
	db, err := sql.Open("mysql", fmt.Sprintf("%s@tcp(%s)/", login, address))
	if err != nil {
		return fmt.Errorf("open MySQL: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, name := range withSchema() {
		if _, err := db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS parley_"+string(name)); err != nil {
			return fmt.Errorf("create the schema of %s: %w", name, err)
		}
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// ValidateUpdate checks all rules, and what may not change from the old object. Defaults count as if
// they were written.
func (c *ChatCluster) ValidateUpdate(old *ChatCluster) []*FieldError {
	p := problems{found: c.Validate()}
	was, is := &old.WithDefaults().Spec, &c.WithDefaults().Spec
	// C7
	p.unless(was.Profile == ProfileDevelopment || is.Profile == ProfileProduction, "spec.profile",
		"Production cannot become Development again: make a new ChatCluster")
	// C11
	const fixed = "it cannot be added, removed or changed: set it back, or make a new ChatCluster"
	from, to := &was.Dependencies, &is.Dependencies
	if from.MySQL != nil && to.MySQL != nil {
		p.unless(from.MySQL.DatabasePrefix == to.MySQL.DatabasePrefix, "spec.dependencies.mysql.databasePrefix", fixed)
	}
	if from.RabbitMQ != nil && to.RabbitMQ != nil {
		p.unless(from.RabbitMQ.VHost == to.RabbitMQ.VHost, "spec.dependencies.rabbitmq.vhost", fixed)
	}
	if from.ObjectStore != nil && to.ObjectStore != nil {
		p.unless(from.ObjectStore.Bucket == to.ObjectStore.Bucket, "spec.dependencies.objectStore.bucket", fixed)
	}
	return p.found
}

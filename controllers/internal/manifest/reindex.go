// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"

	"github.com/parley-chat/parley/api/component"
)

// keptSeconds is how long a Job of a rebuild stays to be looked at once it has ended: a day.
const keptSeconds = 24 * 60 * 60

// ReindexHash changes with who asked, and with what a rebuild that runs must not go on with: another program,
// database or index. It has 8 hexadecimal digits. A rebuild goes on where one of another hash was.
func ReindexHash(in Input, request string) string {
	parts := []string{in.Version, in.Image, request, databasePrefix(in), in.Cluster.Spec.Dependencies.Elasticsearch.IndexPrefix}
	for _, store := range []component.Dependency{component.MySQL, component.Elasticsearch} {
		binding := in.Bindings[store]
		if binding.Host == "" {
			parts = append(parts, binding.Secret)
			continue
		}
		parts = append(parts, binding.Host, number(storePort(in, store)))
	}
	return shortHash(parts)
}

// ReindexJob fills new search indices while the old ones serve, of people first and then of messages; hash comes from ReindexHash. Only where the spec
// has an index. A Job that exists is never applied again, because its template cannot change.
func ReindexJob(in Input, hash string) *batchv1ac.JobApplyConfiguration {
	const name = component.Reindex
	container := containerOf(in, name, environmentOf(in, name, nil), string(name), "--prefix", databasePrefix(in)).
		WithPorts(containerPort(component.OpsPortName, component.OpsPort)).
		WithTerminationMessagePolicy(corev1.TerminationMessageReadFile)
	pod := podOf(in, name, container, graceSeconds).WithRestartPolicy(corev1.RestartPolicyNever)
	rebuild := in.Cluster.Spec.Dependencies.Elasticsearch.Rebuild
	return batchv1ac.Job(ReindexJobName(in.Cluster.Name, hash), in.Cluster.Namespace).
		WithLabels(workloadLabels(in, name)).
		WithOwnerReferences(owner(in)).
		WithSpec(batchv1ac.JobSpec().
			WithParallelism(1).
			WithCompletions(1).
			WithBackoffLimit(*rebuild.BackoffLimit).
			WithActiveDeadlineSeconds(int64(seconds(rebuild.Timeout, 0))).
			WithTTLSecondsAfterFinished(keptSeconds).
			// Two that fill one index would undo each other's marks of how far they are.
			WithPodReplacementPolicy(batchv1.Failed).
			WithPodFailurePolicy(failurePolicy(name, component.ExitConfiguration)).
			WithTemplate(podTemplate(in, name, nil, pod)))
}

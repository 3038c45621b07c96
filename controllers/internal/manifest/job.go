// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"

	"github.com/parley-chat/parley/api/component"
)

// MigrationHash changes when the schemas must be looked at again: with the version, the image, the place
// of the schemas, or a new value of retry. It has 8 hexadecimal digits.
func MigrationHash(in Input, retry string) string {
	binding := in.Bindings[component.MySQL]
	place := []string{binding.Secret}
	if binding.Host != "" {
		// Another Secret for the same server is no reason to look again.
		place = []string{binding.Host, number(storePort(in, component.MySQL))}
	}
	var schemas []string // an operator that knows one more looks again
	for _, owner := range component.Owners() {
		schemas = append(schemas, string(owner))
	}
	parts := []string{in.Version, in.Image, "expand", databasePrefix(in), strings.Join(schemas, ","), retry}
	return shortHash(append(parts, place...))
}

func shortHash(parts []string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:4])
}

// MigrationJob expands the schemas; hash comes from MigrationHash. A Job that exists is never applied
// again, because its template cannot change.
func MigrationJob(in Input, hash string) *batchv1ac.JobApplyConfiguration {
	const name = component.Migrate
	container := containerOf(in, name, environmentOf(in, name, nil), string(name), "--create", "--prefix", databasePrefix(in)).
		// The result is read from the file; a log could hold more than it should.
		WithTerminationMessagePolicy(corev1.TerminationMessageReadFile)
	pod := podOf(in, name, container, graceSeconds).WithRestartPolicy(corev1.RestartPolicyNever)
	migration := in.Cluster.Spec.Upgrade.Migration
	return batchv1ac.Job(JobName(in.Cluster.Name, hash), in.Cluster.Namespace).
		WithLabels(workloadLabels(in, name)).
		WithOwnerReferences(owner(in)).
		WithSpec(batchv1ac.JobSpec().
			WithParallelism(1).
			WithCompletions(1).
			WithBackoffLimit(*migration.BackoffLimit).
			WithActiveDeadlineSeconds(int64(seconds(migration.Timeout, 0))).
			// A second pod must not start while the first one may still hold the lock.
			WithPodReplacementPolicy(batchv1.Failed).
			WithPodFailurePolicy(failurePolicy(name, component.ExitDirty, component.ExitConfiguration, component.ExitOwned)).
			WithTemplate(podTemplate(in, name, nil, pod)))
}

// failurePolicy ends the Job at once where another try cannot help, and counts no disruption.
func failurePolicy(name component.Name, final ...int32) *batchv1ac.PodFailurePolicyApplyConfiguration {
	return batchv1ac.PodFailurePolicy().WithRules(
		batchv1ac.PodFailurePolicyRule().
			WithAction(batchv1.PodFailurePolicyActionFailJob).
			WithOnExitCodes(batchv1ac.PodFailurePolicyOnExitCodesRequirement().
				WithContainerName(string(name)).
				WithOperator(batchv1.PodFailurePolicyOnExitCodesOpIn).
				WithValues(final...)),
		batchv1ac.PodFailurePolicyRule().
			WithAction(batchv1.PodFailurePolicyActionIgnore).
			WithOnPodConditions(batchv1ac.PodFailurePolicyOnPodConditionsPattern().
				WithType(corev1.DisruptionTarget).
				WithStatus(corev1.ConditionTrue)),
	)
}

func databasePrefix(in Input) string {
	if mysql := in.Cluster.Spec.Dependencies.MySQL; mysql != nil {
		return mysql.DatabasePrefix
	}
	return ""
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/binding"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// advice says what a person does now.
type advice struct {
	// reason of a condition or of a component.
	reason string
	// lines say it in words: what the operator found, then what helps against the reason in general.
	lines []string
	// commands that help.
	commands []string
}

// next lists what a person does now, the most urgent first; nothing when all is as the spec asks.
func next(c *chatv1alpha1.ChatCluster) []advice {
	if len(c.Status.Conditions) == 0 || c.Status.ObservedGeneration < c.Generation {
		return []advice{adviceFor(chatv1alpha1.ReasonUnobserved, "wait; if that lasts, see that the operator runs", c)}
	}
	var list []advice
	said := map[string]bool{}
	add := func(reason, message string, make func(reason, message string, c *chatv1alpha1.ChatCluster) advice) {
		if said[reason] || message != "" && said[message] {
			return // Ready repeats what another condition says
		}
		said[reason], said[message] = true, true
		list = append(list, make(reason, message, c))
	}
	condition := func(kind string, asks func(*metav1.Condition) bool) {
		if found := meta.FindStatusCondition(c.Status.Conditions, kind); found != nil && asks(found) {
			add(found.Reason, found.Message, adviceFor)
		}
	}
	isTrue := func(c *metav1.Condition) bool { return c.Status == metav1.ConditionTrue }
	isFalse := func(c *metav1.Condition) bool { return c.Status == metav1.ConditionFalse }
	condition(chatv1alpha1.ConditionStalled, isTrue)
	condition(chatv1alpha1.ConditionDependenciesReady, func(c *metav1.Condition) bool {
		return c.Status == metav1.ConditionFalse || c.Reason == chatv1alpha1.ReasonSearchIndexFilling
	})
	condition(chatv1alpha1.ConditionSchemaReady, isFalse)
	for _, service := range c.Status.Services {
		switch service.Reason {
		case chatv1alpha1.ServiceCrashLooping, chatv1alpha1.ServiceImagePullFailed, chatv1alpha1.ServiceUnschedulable:
			add(service.Reason, service.Message, adviceForService)
		}
	}
	condition(chatv1alpha1.ConditionReconciling, isTrue)
	condition(chatv1alpha1.ConditionAvailable, func(c *metav1.Condition) bool {
		if c.Reason == chatv1alpha1.ReasonInstalling && len(list) > 0 {
			return false // what keeps the install is said already
		}
		return c.Status == metav1.ConditionFalse || c.Reason == chatv1alpha1.ReasonDegraded
	})
	condition(chatv1alpha1.ConditionGatewayDraining, isTrue)
	condition(chatv1alpha1.ConditionSearchRebuilding, func(c *metav1.Condition) bool {
		return c.Status == metav1.ConditionTrue || c.Reason != chatv1alpha1.ReasonIdle && c.Reason != chatv1alpha1.ReasonRebuilt &&
			c.Reason != chatv1alpha1.ReasonRebuildStopped
	})
	condition(chatv1alpha1.ConditionReady, func(c *metav1.Condition) bool { return c.Status != metav1.ConditionTrue })
	return list
}

// adviceFor a reason of a condition.
func adviceFor(reason, message string, c *chatv1alpha1.ChatCluster) advice {
	return newAdvice(reason, message, conditionHelp()[withoutDependency(reason)], commandsFor(reason, c))
}

// adviceForService is for a reason of status.services.
func adviceForService(reason, message string, c *chatv1alpha1.ChatCluster) advice {
	return newAdvice(reason, message, serviceHelp()[reason], serviceCommands(reason, c))
}

func newAdvice(reason, message, help string, commands []string) advice {
	lines := slices.DeleteFunc([]string{message, helpBeside(message, help)}, func(s string) bool { return s == "" })
	return advice{reason: reason, lines: lines, commands: commands}
}

// helpBeside a message is what the message does not say already.
func helpBeside(message, help string) string {
	if message == "" {
		return help
	}
	if first, rest, found := strings.Cut(help, "; "); found && strings.HasPrefix(message, first) {
		help = rest
	}
	if strings.Contains(help, "the message names") || strings.Contains(message, help) {
		return ""
	}
	return help
}

// withoutDependency cuts the name of a dependency off a reason: MySQLSecretMissing is a SecretMissing.
func withoutDependency(reason string) string {
	_, suffix := splitReason(reason)
	return suffix
}

// splitReason parts the name of a dependency from what is wrong with it; dependency is "" where there is none.
func splitReason(reason string) (dependency, suffix string) {
	for _, suffix := range []string{
		chatv1alpha1.SuffixSecretMissing, chatv1alpha1.SuffixKeyMissing, chatv1alpha1.SuffixInvalid, chatv1alpha1.SuffixBindingNotReady,
		chatv1alpha1.SuffixBindingForbidden, chatv1alpha1.SuffixUnreachable, chatv1alpha1.SuffixAuthFailed, chatv1alpha1.SuffixTLSFailed,
		chatv1alpha1.SuffixUnfit, chatv1alpha1.SuffixProgramMissing,
	} {
		if name, ok := strings.CutSuffix(reason, suffix); ok && name != "" {
			return name, suffix
		}
	}
	return "", reason
}

// commandsFor lists what to run for a reason of a condition. They name this ChatCluster, so that they can
// be pasted; none prints a secret.
func commandsFor(reason string, c *chatv1alpha1.ChatCluster) []string {
	kubectl, plugin := "kubectl -n "+c.Namespace, "kubectl parley -n "+c.Namespace
	dependency, suffix := splitReason(reason)
	if dependency != "" {
		return bindingCommands(dependency, suffix, c)
	}
	switch reason {
	case chatv1alpha1.ReasonInstalling, chatv1alpha1.ReasonUpgrading, chatv1alpha1.ReasonRollingOut, chatv1alpha1.ReasonScaling:
		return []string{kubectl + " wait --for=condition=Ready --timeout=10m chat/" + c.Name}
	case chatv1alpha1.ReasonServicesNotReady, chatv1alpha1.ReasonNoGateway, chatv1alpha1.ReasonCoreServiceDown:
		return []string{podsCommand(c)}
	case chatv1alpha1.ReasonDependencyNotReady, chatv1alpha1.ReasonDegraded, chatv1alpha1.ReasonDatabaseDown,
		chatv1alpha1.ReasonSearchIndexWithdrawn, chatv1alpha1.ReasonSearchIndexFilling:
		return []string{plugin + " doctor " + c.Name}
	case chatv1alpha1.ReasonUnobserved:
		return []string{"kubectl get pods -A -l app.kubernetes.io/name=parley-operator"}
	case chatv1alpha1.ReasonInvalidSpec, chatv1alpha1.ReasonImageNotAllowed:
		return []string{kubectl + " edit chat " + c.Name}
	case chatv1alpha1.ReasonVersionNotSupported, chatv1alpha1.ReasonUpgradePathNotSupported:
		return []string{wayBack(c)}
	case chatv1alpha1.ReasonImagePullFailed:
		return []string{wayBack(c), retryCommand(c)}
	case chatv1alpha1.ReasonProgressDeadlineExceeded:
		return []string{podsCommand(c), wayBack(c), retryCommand(c)}
	case chatv1alpha1.ReasonQuotaExceeded:
		return []string{kubectl + " describe resourcequota"}
	case chatv1alpha1.ReasonForbidden:
		return []string{"kubectl get rolebindings,clusterrolebindings -A -l app.kubernetes.io/name=parley-operator"}
	case chatv1alpha1.ReasonKeysMissing:
		return []string{kubectl + " annotate chat " + c.Name + " " + chatv1alpha1.AnnotationRecreateKeys + "=yes"}
	case chatv1alpha1.ReasonMoving, chatv1alpha1.ReasonOverdue:
		return []string{plugin + " sessions " + c.Name}
	default:
		return append(schemaCommands(reason, c), searchCommands(reason, c)...)
	}
}

// searchCommands are for what the Job that fills the search index anew says.
func searchCommands(reason string, c *chatv1alpha1.ChatCluster) []string {
	again, job := fmt.Sprintf("kubectl parley -n %s reindex %s --wait", c.Namespace, c.Name), "JOB"
	if c.Status.Search != nil && c.Status.Search.Job != "" {
		job = c.Status.Search.Job
	}
	switch reason {
	case chatv1alpha1.ReasonRebuilding:
		return []string{fmt.Sprintf("kubectl -n %s logs -f job/%s", c.Namespace, job)}
	case chatv1alpha1.ReasonRebuildFailed:
		return []string{fmt.Sprintf("kubectl -n %s logs job/%s", c.Namespace, job), again}
	case chatv1alpha1.ReasonRebuildOverdue:
		return []string{
			fmt.Sprintf(`kubectl -n %s patch chat %s --type=merge -p '{"spec":{"dependencies":{"elasticsearch":{"rebuild":{"timeout":"72h"}}}}}'`, c.Namespace, c.Name),
			again,
		}
	case chatv1alpha1.ReasonRebuildStopped:
		return []string{again}
	default:
		return nil
	}
}

// schemaCommands are for what the Job that changes the schemas says.
func schemaCommands(reason string, c *chatv1alpha1.ChatCluster) []string {
	kubectl, job := "kubectl -n "+c.Namespace, "JOB"
	if c.Status.Schema != nil && c.Status.Schema.Job != "" {
		job = c.Status.Schema.Job
	}
	switch reason {
	case chatv1alpha1.ReasonMigrationPending, chatv1alpha1.ReasonExpanding, chatv1alpha1.ReasonLockHeld:
		return []string{kubectl + " logs -f job/" + job}
	case chatv1alpha1.ReasonMigrationFailed, chatv1alpha1.ReasonJobFailed, chatv1alpha1.ReasonSchemaDirty, chatv1alpha1.ReasonDirty:
		return []string{kubectl + " logs job/" + job, retryCommand(c)}
	default:
		return nil
	}
}

// bindingCommands are for what is wrong with the binding of a store.
func bindingCommands(dependency, suffix string, c *chatv1alpha1.ChatCluster) []string {
	secret := "SECRET"
	for _, d := range c.Status.Dependencies {
		if binding.DisplayName(component.Dependency(d.Name)) == dependency && d.Secret != "" {
			secret = d.Secret
		}
	}
	kubectl := "kubectl -n " + c.Namespace
	switch suffix {
	case chatv1alpha1.SuffixSecretMissing: // a password among arguments is for everybody to see
		return []string{
			"umask 077; printf '%s\\n' " + entriesOf(dependency) + " >binding.env # edit it",
			kubectl + " create secret generic " + secret + " --from-env-file=binding.env; rm binding.env",
		}
	case chatv1alpha1.SuffixKeyMissing, chatv1alpha1.SuffixInvalid, chatv1alpha1.SuffixAuthFailed:
		return []string{kubectl + " edit secret " + secret}
	case chatv1alpha1.SuffixUnreachable, chatv1alpha1.SuffixTLSFailed, chatv1alpha1.SuffixUnfit, chatv1alpha1.SuffixProgramMissing:
		return []string{"kubectl parley -n " + c.Namespace + " doctor " + c.Name}
	case chatv1alpha1.SuffixBindingNotReady:
		if ref := bindingReference(dependency, c); ref != nil {
			return []string{fmt.Sprintf("%s describe %s %s", kubectl, strings.ToLower(ref.Kind), ref.Name)}
		}
		return nil
	default:
		return nil
	}
}

// entriesOf a Secret that nobody has made yet.
func entriesOf(dependency string) string {
	switch dependency {
	case binding.DisplayName(component.ObjectStore):
		return "uri=https://HOST:PORT bucket=BUCKET access-key-id=ID secret-access-key=KEY"
	case binding.DisplayName(component.SpeechProvider):
		return "api-key=KEY secret-key=KEY"
	default:
		return "host=HOST username=USER password=PASSWORD"
	}
}

func bindingReference(dependency string, c *chatv1alpha1.ChatCluster) *chatv1alpha1.BindingReference {
	spec := &c.Spec.Dependencies
	switch {
	case dependency == binding.DisplayName(component.MySQL) && spec.MySQL != nil:
		return spec.MySQL.BindingRef
	case dependency == binding.DisplayName(component.RabbitMQ) && spec.RabbitMQ != nil:
		return spec.RabbitMQ.BindingRef
	case dependency == binding.DisplayName(component.Elasticsearch) && spec.Elasticsearch != nil:
		return spec.Elasticsearch.BindingRef
	case dependency == binding.DisplayName(component.ObjectStore) && spec.ObjectStore != nil:
		return spec.ObjectStore.BindingRef
	default:
		return nil
	}
}

// wayBack sets the version that served before; where there was none, somebody must look at the spec.
func wayBack(c *chatv1alpha1.ChatCluster) string {
	before := c.Status.Version
	if u := c.Status.Upgrade; u != nil && u.From != "" {
		before = u.From
	}
	if before == "" || before == c.Spec.Version {
		return fmt.Sprintf("kubectl -n %s edit chat %s", c.Namespace, c.Name)
	}
	return fmt.Sprintf(`kubectl -n %s patch chat %s --type=merge -p '{"spec":{"version":"%s"}}'`, c.Namespace, c.Name, before)
}

// retryCommand asks for another try of what was given up, once the cause is gone.
func retryCommand(c *chatv1alpha1.ChatCluster) string {
	return fmt.Sprintf("kubectl -n %s annotate --overwrite chat %s %s=$(date +%%s)", c.Namespace, c.Name, chatv1alpha1.AnnotationRetry)
}

func serviceCommands(reason string, c *chatv1alpha1.ChatCluster) []string {
	switch reason {
	case chatv1alpha1.ServiceImagePullFailed:
		return []string{wayBack(c)}
	case chatv1alpha1.ServiceCrashLooping:
		return []string{podsCommand(c), "kubectl -n " + c.Namespace + " logs --previous POD"}
	case chatv1alpha1.ServiceUnschedulable:
		return []string{podsCommand(c), "kubectl -n " + c.Namespace + " describe pod POD"}
	default:
		return nil
	}
}

func podsCommand(c *chatv1alpha1.ChatCluster) string {
	return fmt.Sprintf("kubectl -n %s get pods -l %s=%s", c.Namespace, manifest.LabelInstance, c.Name)
}

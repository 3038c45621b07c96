// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Types of conditions. All exist after the first pass.
const (
	// ConditionReady is True when the system is as the spec asks.
	ConditionReady = "Ready"
	// ConditionReconciling is True while work goes on.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when a person must act; Ready is then False with the same reason.
	ConditionStalled = "Stalled"
	// ConditionAvailable is True while people can connect and send.
	ConditionAvailable = "Available"
	// ConditionDependenciesReady tells of the stores.
	ConditionDependenciesReady = "DependenciesReady"
	// ConditionSchemaReady tells of the database's schemas.
	ConditionSchemaReady = "SchemaReady"
	// ConditionGatewayDraining is True while sessions move off a pod.
	ConditionGatewayDraining = "GatewayDraining"
	// ConditionSearchRebuilding is True while a rebuild of the search index goes on; Ready does not depend on it.
	ConditionSearchRebuilding = "SearchRebuilding"
)

// Reasons of Ready, Reconciling and Stalled. The comment says what to do.
const (
	// ReasonReconciled: nothing to do.
	ReasonReconciled = "Reconciled"
	// ReasonInstalling: wait; the first pods start.
	ReasonInstalling = "Installing"
	// ReasonUpgrading: wait; status.upgrade.step shows the progress.
	ReasonUpgrading = "Upgrading"
	// ReasonRollingOut: wait; pods are replaced without a new version.
	ReasonRollingOut = "RollingOut"
	// ReasonScaling: wait; pods are added or removed.
	ReasonScaling = "Scaling"
	// ReasonServicesNotReady: look at status.services and at the pods' logs.
	ReasonServicesNotReady = "ServicesNotReady"
	// ReasonDependencyNotReady: the condition DependenciesReady names the store.
	ReasonDependencyNotReady = "DependencyNotReady"
	// ReasonMigrationPending: wait for the Job that changes the schemas.
	ReasonMigrationPending = "MigrationPending"
	// ReasonWaiting: something outside must come first; the message names it.
	ReasonWaiting = "Waiting"
	// ReasonIdle: nothing goes on.
	ReasonIdle = "Idle"
	// ReasonUnobserved: the operator has not looked yet.
	ReasonUnobserved = "Unobserved"

	// ReasonInvalidSpec: correct the field that the message names.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonVersionNotSupported: choose a version that this operator knows, or upgrade the operator.
	ReasonVersionNotSupported = "VersionNotSupported"
	// ReasonUpgradePathNotSupported: go to the version that the message names first.
	ReasonUpgradePathNotSupported = "UpgradePathNotSupported"
	// ReasonImageNotAllowed: use an allowed repository, or change the operator's allow list.
	ReasonImageNotAllowed = "ImageNotAllowed"
	// ReasonImagePullFailed: correct spec.version, spec.image or the pull secret; old pods serve.
	ReasonImagePullFailed = "ImagePullFailed"
	// ReasonQuotaExceeded: raise the namespace's quota.
	ReasonQuotaExceeded = "QuotaExceeded"
	// ReasonForbidden: give the operator the right that the message names.
	ReasonForbidden = "Forbidden"
	// ReasonMigrationFailed: read the Job's log, correct the cause, set chat.parley.dev/retry.
	ReasonMigrationFailed = "MigrationFailed"
	// ReasonSchemaDirty: a change of the schema broke off; repair it by hand, then set chat.parley.dev/retry.
	ReasonSchemaDirty = "SchemaDirty"
	// ReasonDatabaseInUse: another ChatCluster uses these schemas; choose another databasePrefix.
	ReasonDatabaseInUse = "DatabaseInUse"
	// ReasonProgressDeadlineExceeded: old pods serve; correct the cause, or set the version back.
	ReasonProgressDeadlineExceeded = "ProgressDeadlineExceeded"
	// ReasonKeysMissing: restore the Secret with the keys, or set chat.parley.dev/recreate-keys.
	ReasonKeysMissing = "KeysMissing"
	// ReasonNameConflict: an object of this name belongs to somebody else; rename one of the two.
	ReasonNameConflict = "NameConflict"
)

// Reasons of Available.
const (
	// ReasonServing: people can connect and send.
	ReasonServing = "Serving"
	// ReasonDegraded: sends go on; DependenciesReady or status.services says what is down.
	ReasonDegraded = "Degraded"
	// ReasonNoGateway: no gateway is ready; look at status.services.
	ReasonNoGateway = "NoGateway"
	// ReasonCoreServiceDown: user, friend or message has no ready pod.
	ReasonCoreServiceDown = "CoreServiceDown"
	// ReasonDatabaseDown: no pod reaches MySQL.
	ReasonDatabaseDown = "DatabaseDown"
)

// Reasons of DependenciesReady. All but the first four have the name of a dependency in front:
// MySQLSecretMissing.
const (
	// ReasonReachable: pods reach every store.
	ReasonReachable = "Reachable"
	// ReasonBound: the bindings are complete; no pod has tried them yet.
	ReasonBound = "Bound"
	// ReasonSearchIndexWithdrawn: wait until the index is whole; until then search is unavailable and everything else goes on.
	ReasonSearchIndexWithdrawn = "SearchIndexWithdrawn"
	// ReasonSearchIndexFilling: wait until the index is whole for the first time; until then search is unavailable.
	ReasonSearchIndexFilling = "SearchIndexFilling"
	// SuffixSecretMissing: create the Secret that the message names.
	SuffixSecretMissing = "SecretMissing"
	// SuffixKeyMissing: add the entry that the message names to the Secret.
	SuffixKeyMissing = "KeyMissing"
	// SuffixInvalid: correct the entry that the message names.
	SuffixInvalid = "Invalid"
	// SuffixBindingNotReady: the referenced object offers no binding yet.
	SuffixBindingNotReady = "BindingNotReady"
	// SuffixBindingForbidden: allow the operator to read that kind.
	SuffixBindingForbidden = "BindingForbidden"
	// SuffixUnreachable: the store does not answer at host and port of its binding.
	SuffixUnreachable = "Unreachable"
	// SuffixAuthFailed: the store refuses username and password of its binding.
	SuffixAuthFailed = "AuthFailed"
	// SuffixTLSFailed: the certificate does not fit; see the field tls and the entry ca.crt.
	SuffixTLSFailed = "TLSFailed"
	// SuffixUnfit: the store is not what is needed, or what lies there is foreign; the message says what to look at.
	SuffixUnfit = "Unfit"
	// SuffixProgramMissing: choose an image that has the programs that the message names.
	SuffixProgramMissing = "ProgramMissing"
)

// ReasonIgnored is in status.dependencies only: nothing to do; this version has no service that reads it.
const ReasonIgnored = "Ignored"

// Reasons of SchemaReady.
const (
	// ReasonUpToDate: nothing to do.
	ReasonUpToDate = "UpToDate"
	// ReasonExpanding: wait for the Job.
	ReasonExpanding = "Expanding"
	// ReasonJobFailed: read the Job's log.
	ReasonJobFailed = "JobFailed"
	// ReasonDirty: a change broke off; repair it by hand.
	ReasonDirty = "Dirty"
	// ReasonLockHeld: another run holds the schema's lock; wait.
	ReasonLockHeld = "LockHeld"
	// ReasonOwnedByAnother: another ChatCluster owns the schemas.
	ReasonOwnedByAnother = "OwnedByAnother"
)

// Reasons of GatewayDraining beside Idle.
const (
	// ReasonMoving: sessions move at the budgeted rate.
	ReasonMoving = "Moving"
	// ReasonOverdue: the budget was too small; sessions move faster than it says.
	ReasonOverdue = "Overdue"
)

// Reasons of SearchRebuilding beside Idle. Whatever they are, the old index serves until a new one is whole.
const (
	// ReasonRebuilding: wait; status.search shows the progress.
	ReasonRebuilding = "Rebuilding"
	// ReasonRebuildWaiting: wait; the message names what must come first.
	ReasonRebuildWaiting = "RebuildWaiting"
	// ReasonRebuilt: nothing to do; the new index serves.
	ReasonRebuilt = "Rebuilt"
	// ReasonRebuildFailed: read the Job's log, correct the cause and ask again; it goes on where it was.
	ReasonRebuildFailed = "RebuildFailed"
	// ReasonRebuildOverdue: raise dependencies.elasticsearch.rebuild.timeout and ask again; it goes on where it was.
	ReasonRebuildOverdue = "RebuildOverdue"
	// ReasonRebuildStopped: the wish was taken back; ask again, and it goes on where it was.
	ReasonRebuildStopped = "RebuildStopped"
	// ReasonNoSearchIndex: name an Elasticsearch in dependencies.elasticsearch; message fills its index by itself.
	ReasonNoSearchIndex = "NoSearchIndex"
)

// Reasons of status.services.
const (
	// ServiceConverged: nothing to do.
	ServiceConverged = "Converged"
	// ServiceWaiting: wait; the wave of this component has not come yet.
	ServiceWaiting = "Waiting"
	// ServiceProgressing: wait; new pods start and old ones end.
	ServiceProgressing = "Progressing"
	// ServiceCrashLooping: read the log of the pod that the message names.
	ServiceCrashLooping = "CrashLooping"
	// ServiceImagePullFailed: correct spec.version, spec.image or the pull secret; old pods serve.
	ServiceImagePullFailed = "ImagePullFailed"
	// ServiceUnschedulable: give the pod that the message names a node; its events say what is missing.
	ServiceUnschedulable = "Unschedulable"
	// ServiceDisabled: nothing to do; the spec does not ask for this component.
	ServiceDisabled = "Disabled"
)

// Annotations of a ChatCluster that people set. The operator carries AnnotationRestart over to the pod
// templates that it concerns.
const (
	AnnotationPrefix        = "chat.parley.dev/"
	AnnotationRestart       = AnnotationPrefix + "restart"
	AnnotationReload        = AnnotationPrefix + "reload"
	AnnotationRetry         = AnnotationPrefix + "retry"
	AnnotationReindex       = AnnotationPrefix + "reindex"
	AnnotationAdoptDatabase = AnnotationPrefix + "adopt-database"
	AnnotationRecreateKeys  = AnnotationPrefix + "recreate-keys"
	// AnnotationBindingHash is on pod templates: a changed Secret rolls what reads it.
	AnnotationBindingHash = AnnotationPrefix + "binding-hash"
	// LabelSeat is on gateway Deployments and pods.
	LabelSeat = AnnotationPrefix + "seat"
)

package main

// family is one set of endpoints for a ceremony: the same steps under other paths and types.
type family struct {
	status       func() (any, error)
	start        func(rekeyRequest) (any, error)
	cancel       func(nonce string) error
	give         func(share, nonce string) (any, error)
	verification func() (any, error)
	verify       func(share, nonce string) (any, error)
	restart      func() error
	backup       func() (any, error)
	deleteBackup func() error
}

func erase[T any](call func() (T, error)) func() (any, error) {
	return func() (any, error) { return call() }
}

func erase2[T any](call func(a, b string) (T, error)) func(a, b string) (any, error) {
	return func(a, b string) (any, error) { return call(a, b) }
}

func rekeyFamily(client *apiClient, recovery bool) family {
	sys := client.Sys()
	if recovery {
		return family{
			status:       erase(sys.RekeyRecoveryKeyStatus),
			start:        func(asked rekeyRequest) (any, error) { return sys.RekeyRecoveryKeyInit(&asked) },
			cancel:       cancelRekey(client, recovery),
			give:         erase2(sys.RekeyRecoveryKeyUpdate),
			verification: erase(sys.RekeyRecoveryKeyVerificationStatus),
			verify:       erase2(sys.RekeyRecoveryKeyVerificationUpdate),
			restart:      sys.RekeyRecoveryKeyVerificationCancel,
			backup:       erase(sys.RekeyRetrieveRecoveryBackup),
			deleteBackup: sys.RekeyDeleteRecoveryBackup,
		}
	}
	return family{
		status:       erase(sys.RekeyStatus),
		start:        func(asked rekeyRequest) (any, error) { return sys.RekeyInit(&asked) },
		cancel:       cancelRekey(client, recovery),
		give:         erase2(sys.RekeyUpdate),
		verification: erase(sys.RekeyVerificationStatus),
		verify:       erase2(sys.RekeyVerificationUpdate),
		restart:      sys.RekeyVerificationCancel,
		backup:       erase(sys.RekeyRetrieveBackup),
		deleteBackup: sys.RekeyDeleteBackup,
	}
}

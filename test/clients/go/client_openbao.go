//go:build openbao

package main

import bao "github.com/openbao/openbao/api/v2"

type (
	apiClient       = bao.Client
	responseError   = bao.ResponseError
	secret          = bao.Secret
	initRequest     = bao.InitRequest
	mountInput      = bao.MountInput
	mountConfig     = bao.MountConfigInput
	kvSecret        = bao.KVSecret
	kvMetadataInput = bao.KVMetadataPutInput
	tokenRequest    = bao.TokenCreateRequest
	rekeyRequest    = bao.RekeyInitRequest
)

var (
	errSecretNotFound = bao.ErrSecretNotFound
	withCheckAndSet   = bao.WithCheckAndSet
)

func newClient(address string) (*apiClient, error) {
	config := bao.DefaultConfig()
	config.Address = address
	return bao.NewClient(config)
}

func familyOf(client *apiClient, name string, recovery bool) family {
	if name == "rotate" {
		return rotateFamily(client, recovery)
	}
	return rekeyFamily(client, recovery)
}

// rotateFamily is OpenBao's authenticated counterpart of rekeyFamily.
func rotateFamily(client *apiClient, recovery bool) family {
	sys := client.Sys()
	start := func(init func(*bao.RotateInitRequest) (*bao.RotateStatusResponse, error)) func(rekeyRequest) (any, error) {
		return func(asked rekeyRequest) (any, error) {
			return init(&bao.RotateInitRequest{
				SecretShares:        asked.SecretShares,
				SecretThreshold:     asked.SecretThreshold,
				PGPKeys:             asked.PGPKeys,
				Backup:              asked.Backup,
				RequireVerification: asked.RequireVerification,
			})
		}
	}
	if recovery {
		return family{
			status:       erase(sys.RotateRecoveryStatus),
			start:        start(sys.RotateRecoveryInit),
			cancel:       withoutNonce(sys.RotateRecoveryCancel),
			give:         erase2(sys.RotateRecoveryUpdate),
			verification: erase(sys.RotateRecoveryVerificationStatus),
			verify:       erase2(sys.RotateRecoveryVerificationUpdate),
			restart:      sys.RotateRecoveryVerificationCancel,
			backup:       erase(sys.RotateRecoveryRetrieveBackup),
			deleteBackup: sys.RotateRecoveryDeleteBackup,
		}
	}
	return family{
		status:       erase(sys.RotateRootStatus),
		start:        start(sys.RotateRootInit),
		cancel:       withoutNonce(sys.RotateRootCancel),
		give:         erase2(sys.RotateRootUpdate),
		verification: erase(sys.RotateRootVerificationStatus),
		verify:       erase2(sys.RotateRootVerificationUpdate),
		restart:      sys.RotateRootVerificationCancel,
		backup:       erase(sys.RotateRootRetrieveBackup),
		deleteBackup: sys.RotateRootDeleteBackup,
	}
}

func withoutNonce(cancel func() error) func(nonce string) error {
	return func(string) error { return cancel() }
}

func cancelRekey(client *apiClient, recovery bool) func(nonce string) error {
	if recovery {
		return withoutNonce(client.Sys().RekeyRecoveryKeyCancel)
	}
	return withoutNonce(client.Sys().RekeyCancel)
}

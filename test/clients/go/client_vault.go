//go:build !openbao

package main

import vault "github.com/hashicorp/vault/api"

type (
	apiClient       = vault.Client
	responseError   = vault.ResponseError
	secret          = vault.Secret
	initRequest     = vault.InitRequest
	mountInput      = vault.MountInput
	mountConfig     = vault.MountConfigInput
	kvSecret        = vault.KVSecret
	kvMetadataInput = vault.KVMetadataPutInput
	tokenRequest    = vault.TokenCreateRequest
	rekeyRequest    = vault.RekeyInitRequest
)

var (
	errSecretNotFound = vault.ErrSecretNotFound
	withCheckAndSet   = vault.WithCheckAndSet
)

func newClient(address string) (*apiClient, error) {
	config := vault.DefaultConfig()
	config.Address = address
	return vault.NewClient(config)
}

func familyOf(client *apiClient, name string, recovery bool) family {
	return rekeyFamily(client, recovery)
}

// cancelRekey sends the nonce, which this client supports. Its RekeyRecoveryKeyCancel, without a nonce,
// cancels the rekey of the barrier instead.
func cancelRekey(client *apiClient, recovery bool) func(nonce string) error {
	if recovery {
		return client.Sys().RekeyRecoveryKeyCancelWithNonce
	}
	return client.Sys().RekeyCancelWithNonce
}

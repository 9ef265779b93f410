package main

import (
	"encoding/base64"
	"strings"
)

func (s *story) transit() {
	check(s.client.Sys().Mount("transit", &mountInput{Type: "transit"}))
	write := func(path string, data object) (*secret, error) {
		return s.client.Logical().Write("transit/"+path, data)
	}
	encrypt := func() string {
		plaintext := base64.StdEncoding.EncodeToString([]byte("thistle"))
		return must(write("encrypt/ring", object{"plaintext": plaintext})).Data["ciphertext"].(string)
	}
	decrypt := func(ciphertext string) (*secret, error) {
		return write("decrypt/ring", object{"ciphertext": ciphertext})
	}
	plain := func(ciphertext string) any { return must(decrypt(ciphertext)).Data["plaintext"] }

	must(write("keys/ring", object{"type": "aes256-gcm96"}))
	first := encrypt()
	must(write("keys/ring/rotate", nil))
	shown := must(s.client.Logical().Read("transit/keys/ring")).Data
	second := encrypt()
	rewrap := must(write("rewrap/ring", object{"ciphertext": first}))
	rewrapped := rewrap.Data["ciphertext"].(string)
	old := plain(first)
	must(write("keys/ring/config", object{"min_decryption_version": 2}))
	_, tooOld := decrypt(first)
	_, refused := decrypt(damaged(second))
	_, export := s.client.Logical().Read("transit/export/encryption-key/ring")
	s.report["transit"] = object{
		"key":            pick(shown, "name", "type", "latest_version", "exportable"),
		"listed":         s.list("transit/keys"),
		"ciphertexts":    []string{first, second, rewrapped},
		"decrypted":      []any{old, plain(second), plain(rewrapped)},
		"too_old":        refusal(tooOld)["status"],
		"damaged":        refusal(refused)["status"],
		"may_not_export": refusal(export)["status"],
	}
}

// damaged is the ciphertext with the last byte of its tag changed.
func damaged(ciphertext string) string {
	at := strings.LastIndex(ciphertext, ":") + 1
	raw := must(base64.StdEncoding.DecodeString(ciphertext[at:]))
	raw[len(raw)-1] ^= 1
	return ciphertext[:at] + base64.StdEncoding.EncodeToString(raw)
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// object is a JSON object of the wire or of a report.
type object = map[string]any

type holder struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

type task struct {
	Address string   `json:"address"`
	Seal    string   `json:"seal"`
	Family  string   `json:"family"`
	Policy  string   `json:"policy"`
	Value   object   `json:"value"`
	Holders []holder `json:"holders"`
	Decrypt []string `json:"decrypt"`
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// refusal is the answer to a call that must fail; {} if it did not fail. The kv helpers hide a 404
// behind an error of their own.
func refusal(err error) object {
	var response *responseError
	switch {
	case err == nil:
		return object{}
	case errors.Is(err, errSecretNotFound):
		return object{"status": 404, "errors": []string{}}
	case errors.As(err, &response):
		return object{"status": response.StatusCode, "errors": append([]string{}, response.Errors...)}
	}
	panic(err)
}

// fields gives the members of a typed answer under their wire names.
func fields(answer any) object {
	shown := object{}
	decoder := json.NewDecoder(bytes.NewReader(must(json.Marshal(answer))))
	decoder.UseNumber()
	check(decoder.Decode(&shown))
	return shown
}

func pick(answer any, names ...string) object {
	source, picked := fields(answer), object{}
	for _, name := range names {
		picked[name] = source[name]
	}
	return picked
}

func text(answer any, name string) string {
	return fields(answer)[name].(string)
}

func texts(answer any, name string) []string {
	listed := []string{}
	for _, item := range fields(answer)[name].([]any) {
		listed = append(listed, item.(string))
	}
	return listed
}

// decrypt gives the plaintext of a base64 PGP message for one of the task's holders.
func (s *story) decrypt(holder, message string) string {
	command := exec.Command(s.Decrypt[0], append(s.Decrypt[1:], holder)...)
	command.Stdin, command.Stderr = strings.NewReader(message), os.Stderr
	return string(must(command.Output()))
}

// changed is the share with another first byte, which is almost certainly not a share of any set.
func changed(share string) string {
	first := must(strconv.ParseUint(share[:2], 16, 8))
	return fmt.Sprintf("%02x%s", first^1, share[2:])
}

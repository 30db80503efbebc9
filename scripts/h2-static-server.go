// Serves the files of a folder over HTTP/2 by Go's net/http, for scripts/h2-conformance.ts: prints the port it listens on
// at 127.0.0.1 and ends with its input.
//
//	go run scripts/h2-static-server.go FOLDER CERTIFICATE KEY
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: h2-static-server FOLDER CERTIFICATE KEY")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.ServeTLS(listener, http.FileServer(http.Dir(os.Args[1])), os.Args[2], os.Args[3]))
}

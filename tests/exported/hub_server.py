"""A stand-in for the Hub: as much of its API as downloads and uploads of small files need."""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class Hub:
    """A server on loopback that keeps repositories in memory.

    Attributes:
        repositories: name -> {file: content}.
        refused: answers of everything, an HTTP status, or 0.
        asked: all requests, 'METHOD path'.
    """

    def __init__(self):
        self.repositories, self.refused, self.asked = {}, 0, []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                answer(self, hub)

            do_HEAD = do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def sha_of(files):
    return hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()


def answer(request, hub):
    """Answers one request."""
    path = unquote(urlsplit(request.path).path)
    hub.asked.append(f'{request.command} {path}')
    body = request.rfile.read(int(request.headers.get('Content-Length') or 0))
    if hub.refused:
        return send(request, hub.refused, {'error': 'the stand-in refuses'})
    if path == '/api/repos/create':
        asked = json.loads(body)
        name = '/'.join(filter(None, (asked.get('organization'), asked['name'])))
        hub.repositories.setdefault(name, {})
        return send(request, 200, {'url': f'{hub.url}/{name}', 'name': name})
    if path == '/api/validate-yaml':
        return send(request, 200, {'errors': [], 'warnings': []})
    if found := re.fullmatch(r'/api/models/([^/]+/[^/]+)(/.*)?', path):
        return of_api(request, hub, found[1], found[2] or '', body)
    if found := re.fullmatch(r'/([^/]+/[^/]+)/resolve/[^/]+/(.+)', path):
        return content_of(request, hub, *found.groups())
    return send(request, 404, {'error': f'nothing at {path}'})


def of_api(request, hub, name, rest, body):
    if name not in hub.repositories:
        headers = {'X-Error-Code': 'RepoNotFound', 'X-Error-Message': 'Repository not found'}
        return send(request, 404, {'error': 'Repository not found'}, headers)
    files = hub.repositories[name]
    if rest == '' or rest.startswith('/revision/'):
        siblings = [{'rfilename': file} for file in files]
        return send(request, 200, {'id': name, 'sha': sha_of(files), 'siblings': siblings})
    if rest.startswith('/tree/'):
        listed = [
            {'type': 'file', 'path': f, 'size': len(c), 'oid': hashlib.sha1(c).hexdigest()}
            for f, c in files.items()
        ]
        return send(request, 200, listed)
    if rest.startswith('/preupload/'):
        asked = json.loads(body)['files']
        modes = [{'path': f['path'], 'uploadMode': 'regular', 'shouldIgnore': False} for f in asked]
        return send(request, 200, {'files': modes})
    if rest.startswith('/commit/'):
        for line in body.splitlines():
            entry = json.loads(line)
            if entry['key'] == 'file':
                files[entry['value']['path']] = base64.b64decode(entry['value']['content'])
        url = f'{hub.url}/{name}/commit/{sha_of(files)}'
        return send(request, 200, {'commitUrl': url, 'commitOid': sha_of(files), 'success': True})
    return send(request, 404, {'error': f'nothing at {rest}'})


def content_of(request, hub, name, file):
    content = hub.repositories.get(name, {}).get(file)
    if content is None:
        return send(request, 404, {'error': 'no such file'}, {'X-Error-Code': 'EntryNotFound'})
    etag = hashlib.sha1(content).hexdigest()
    headers = {'ETag': f'"{etag}"', 'X-Repo-Commit': sha_of(hub.repositories[name])}
    return send(request, 200, content, headers)


def send(request, status, content, headers=None):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    request.send_response(status)
    for key, value in {'Content-Length': str(len(body)), **(headers or {})}.items():
        request.send_header(key, value)
    request.end_headers()
    if request.command != 'HEAD':
        request.wfile.write(body)

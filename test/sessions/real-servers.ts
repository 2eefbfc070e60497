/**
 * Servers that people use, each with a script that calls its main tools: filesystem and memory from npm, time and git from PyPI.
 * Every play gets a folder of its own with the same content, so that what tools change is changed from the same start.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { StdioEndpoint } from './endpoint.ts';
import { ensurePython } from './python/setup.ts';

const run = promisify(execFile);

export interface RealServer {
  readonly name: string;
  /** Puts its start into `folder` and says how it is run there. */
  prepare(folder: string): Promise<StdioEndpoint>;
  /** Calls with their arguments, made in this order; FOLDER in an argument stands for the folder. */
  readonly calls: readonly (readonly [tool: string, args: Record<string, unknown>])[];
  /** Texts that differ between two direct runs, each with what stands for it. */
  readonly volatile: readonly (readonly [RegExp, string])[];
}

function npmProgram(name: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`@modelcontextprotocol/${name}/package.json`)), 'dist/index.js');
}

const ISO_TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?/g;

const filesystem: RealServer = {
  name: 'filesystem',
  async prepare(folder) {
    await writeFile(join(folder, 'note.txt'), 'first line\nzweite Zeile: grüß dich 🌍\n');
    return { transport: 'stdio', command: process.execPath, args: [npmProgram('server-filesystem'), folder] };
  },
  calls: [
    ['list_allowed_directories', {}],
    ['read_text_file', { path: 'FOLDER/note.txt' }],
    ['read_text_file', { path: 'FOLDER/note.txt', head: 1 }],
    ['write_file', { path: 'FOLDER/new.txt', content: 'a\nb\nc\n' }],
    ['edit_file', { path: 'FOLDER/new.txt', edits: [{ oldText: 'b', newText: 'B 世界' }] }],
    ['create_directory', { path: 'FOLDER/deep/er' }],
    ['move_file', { source: 'FOLDER/new.txt', destination: 'FOLDER/deep/er/moved.txt' }],
    ['list_directory', { path: 'FOLDER' }],
    ['directory_tree', { path: 'FOLDER' }],
    ['search_files', { path: 'FOLDER', pattern: '**/*.txt' }],
    ['read_multiple_files', { paths: ['FOLDER/note.txt', 'FOLDER/deep/er/moved.txt', 'FOLDER/absent.txt'] }],
    ['read_text_file', { path: '/etc/hostname' }],
  ],
  volatile: [],
};

const memory: RealServer = {
  name: 'memory',
  async prepare(folder) {
    return {
      transport: 'stdio',
      command: process.execPath,
      args: [npmProgram('server-memory')],
      env: { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') },
    };
  },
  calls: [
    [
      'create_entities',
      {
        entities: [
          { name: 'Ada', entityType: 'person', observations: ['wrote the first program'] },
          { name: 'Engine', entityType: 'machine', observations: [] },
        ],
      },
    ],
    ['create_relations', { relations: [{ from: 'Ada', to: 'Engine', relationType: 'programmed' }] }],
    ['add_observations', { observations: [{ entityName: 'Engine', contents: ['nie gebaut', '未完成'] }] }],
    ['read_graph', {}],
    ['search_nodes', { query: 'program' }],
    ['open_nodes', { names: ['Engine'] }],
    ['delete_observations', { deletions: [{ entityName: 'Engine', observations: ['nie gebaut'] }] }],
    ['delete_entities', { entityNames: ['Ada'] }],
    ['read_graph', {}],
    ['add_observations', { observations: [{ entityName: 'Nobody', contents: ['x'] }] }],
  ],
  volatile: [],
};

const time: RealServer = {
  name: 'time',
  async prepare() {
    return { transport: 'stdio', command: await ensurePython(), args: ['-m', 'mcp_server_time', '--local-timezone', 'UTC'] };
  },
  calls: [
    ['get_current_time', { timezone: 'Asia/Tokyo' }],
    ['convert_time', { source_timezone: 'Asia/Tokyo', time: '16:30', target_timezone: 'Asia/Kolkata' }],
    ['get_current_time', { timezone: 'Nowhere/Land' }],
    ['convert_time', { source_timezone: 'UTC', time: '25:99', target_timezone: 'UTC' }],
  ],
  volatile: [
    [ISO_TIME, '<time>'],
    [/"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"/g, '"<day>"'],
  ],
};

/** A commit's hash is made of these; so they are the same in every run. */
const GIT_IDENTITY = {
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_AUTHOR_DATE: '2026-01-02T03:04:05Z',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  GIT_COMMITTER_DATE: '2026-01-02T03:04:05Z',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
};

const git: RealServer = {
  name: 'git',
  async prepare(folder) {
    const env = { ...process.env, ...GIT_IDENTITY };
    await run('git', ['init', '--quiet', '--initial-branch', 'main', folder], { env });
    await writeFile(join(folder, 'note.txt'), 'one\n');
    await run('git', ['-C', folder, 'add', 'note.txt'], { env });
    await run('git', ['-C', folder, 'commit', '--quiet', '-m', 'First'], { env });
    await writeFile(join(folder, 'note.txt'), 'one\nzwei\n');
    return { transport: 'stdio', command: await ensurePython(), args: ['-m', 'mcp_server_git', '--repository', folder], env: GIT_IDENTITY };
  },
  calls: [
    ['git_status', { repo_path: 'FOLDER' }],
    ['git_diff_unstaged', { repo_path: 'FOLDER' }],
    ['git_add', { repo_path: 'FOLDER', files: ['note.txt'] }],
    ['git_diff_staged', { repo_path: 'FOLDER' }],
    ['git_commit', { repo_path: 'FOLDER', message: 'Grüße 🌍' }],
    ['git_log', { repo_path: 'FOLDER', max_count: 5 }],
    ['git_create_branch', { repo_path: 'FOLDER', branch_name: 'side' }],
    ['git_checkout', { repo_path: 'FOLDER', branch_name: 'side' }],
    ['git_branch', { repo_path: 'FOLDER', branch_type: 'local' }],
    ['git_show', { repo_path: 'FOLDER', revision: 'HEAD' }],
    ['git_status', { repo_path: '/' }],
  ],
  volatile: [],
};

export const REAL_SERVERS: readonly RealServer[] = [filesystem, memory, time, git];

/** Runs `use` with a new folder that holds the server's start. */
export async function withPrepared<T>(server: RealServer, use: (endpoint: StdioEndpoint, folder: string) => Promise<T>): Promise<T> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), `real-${server.name}-`)));
  try {
    return await use(await server.prepare(folder), folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

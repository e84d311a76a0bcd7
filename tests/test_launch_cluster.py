"""What is in launch/ for clusters, where srun, scontrol and gcloud are scripts of ours."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gan_jax.runtime import distributed
from gan_jax.runtime.errors import LOST, PREEMPTED
from tests.machine import ROOT, Machine

# What starting again can mend: also the abort of JAX's runtime, and a process that was killed.
RESUMABLE = {LOST, 134, 137, PREEMPTED}
FINAL = (1, 2, 65, 66, 69, 70, 73, 74, 75, 139)
MORE = ('flock', 'git', 'gzip', 'head', 'mktemp', 'mv', 'sleep', 'tar')

# Note what they were asked, word by word. A run as srun sees it ends with $STATUS.
SRUN = r"""#!/bin/sh
{ printf '[%s]' srun "$@"; echo; } >>"$LOG"
[ -z "${SIGNAL:-}" ] || kill "-$SIGNAL" "$PPID"
exit "$STATUS"
"""
SCONTROL = r"""#!/bin/sh
[ "$1" != show ] || { echo "JobId=$3 JobState=${JOB_STATE:-RUNNING} Reason=None"; exit; }
{ printf '[%s]' scontrol "$@"; echo; } >>"$LOG"
"""
# The first line of $LOG.states is what a TPU is now, of $LOG.statuses how the next training ends.
GCLOUD = r"""#!/bin/sh
{ printf '[%s]' gcloud "$@"; echo; } >>"$LOG"
next() { head -n 1 "$1" && sed -i 1d "$1"; }
case "$*" in
    *' describe '*) next "$LOG.states" ;;
    *'tpu_worker.sh train'*) exit "$(next "$LOG.statuses")" ;;
esac
"""
# A bucket that is a folder.
STORAGE = r"""#!/bin/sh
[ -z "${BROKEN:-}" ] || { echo 'ERROR: no route' >&2; exit 1; }
{ printf '[%s]' gcloud "$@"; echo; } >>"$LOG"
case $2 in
    ls) [ -e "$3" ] || { echo 'ERROR: One or more URLs matched no objects.' >&2; exit 1; } ;;
    rsync) for to; do from=${last:-}; last=$to; done
        mkdir -p "$to" && cp -R "$from/." "$to" ;;
esac
"""
# Trains one step from what it finds, as the process that writes the workdir or another one.
TRAINER = r"""#!/bin/sh
{ printf '[%s]' python "$@"; echo; } >>"$LOG"
[ -n "${OTHER:-}" ] || { mkdir -p w && touch w/.lock && echo step >>w/rows; }
[ -z "${SIGNAL:-}" ] || kill "-$SIGNAL" "$PPID"
exit "$STATUS"
"""


@pytest.fixture
def machine(tmp_path) -> Machine:
    """One where the environment is there already."""
    made = Machine(tmp_path)
    for tool in MORE:
        (made.bin / tool).symlink_to(shutil.which(tool))
    made.add('srun', SRUN)
    made.add('scontrol', SCONTROL)
    return made


# slurm.sbatch ------------------------------------------------------------------------------------


def submit(machine, *args, status=0, **environment):
    return machine.run(
        'slurm.sbatch',
        *args,
        STATUS=str(status),
        SLURM_SUBMIT_DIR=environment.pop('root', str(machine.root)),
        SLURM_JOB_ID='7',
        **environment,
    )


def array(task, count, last=None):
    last = count - 1 if last is None else last
    names = {'TASK_ID': task, 'TASK_COUNT': count, 'TASK_MAX': last, 'JOB_ID': 5}
    return {f'SLURM_ARRAY_{name}': str(value) for name, value in names.items()}


def test_a_job_sets_up_and_trains_with_its_arguments_as_they_are(machine):
    result = submit(machine, '--config=my config.py', '--workdir=w')
    assert result.returncode == 0, result.stderr
    assert machine.calls('-m venv') and not machine.calls('[scontrol]')
    python = f'{machine.root}/.venv/bin/python'
    assert machine.calls('[srun]') == [
        f'[srun][--kill-on-bad-exit=0][{python}][-m][gan_jax.train]'
        '[--config=my config.py][--workdir=w]'
    ]


@pytest.mark.parametrize('status', sorted(RESUMABLE))
def test_a_job_that_can_resume_goes_back_into_the_queue(machine, status):
    result = submit(machine, status=status)
    assert machine.calls('[scontrol]') == ['[scontrol][requeue][7]']
    assert f'status {status}' in result.stderr and result.returncode == 0


@pytest.mark.parametrize('status', FINAL)
def test_another_fault_ends_the_job_with_its_status(machine, status):
    assert submit(machine, status=status).returncode == status
    assert not machine.calls('[scontrol]')


@pytest.mark.parametrize('status', sorted(RESUMABLE))
def test_a_job_that_loses_its_processes_again_and_again_ends(machine, status):
    result = submit(machine, status=status, SLURM_RESTART_COUNT='10')
    preempted = status == PREEMPTED
    assert bool(machine.calls('[scontrol]')) == preempted
    assert ('started 10 times again' in result.stderr) != preempted


def test_the_script_outlives_the_signal_that_its_run_gets(machine):
    result = submit(machine, status=PREEMPTED, SIGNAL='TERM')
    assert result.returncode == 0 and machine.calls('[scontrol]')


def test_a_job_that_its_user_cancels_does_not_come_back(machine):
    result = submit(machine, status=PREEMPTED, JOB_STATE='CANCELLED')
    assert result.returncode == PREEMPTED and not machine.calls('[scontrol]')


def test_a_job_of_an_array_takes_its_shard_and_sends_itself_back_alone(machine):
    result = submit(machine, '--sweep=s.py', '--workdir=w', status=PREEMPTED, **array(3, 4))
    assert result.returncode == 0, result.stderr
    (call,) = machine.calls('[srun]')
    assert '[--nodes=1][--ntasks=1]' in call
    assert call.endswith('[-m][gan_jax.sweep][--sweep=s.py][--workdir=w][--shard=3/4]')
    assert machine.calls('[scontrol]') == ['[scontrol][requeue][5_3]']


def test_an_array_that_leaves_shards_out_is_refused(machine):
    result = submit(machine, '--sweep=s.py', **array(1, 4, last=4))
    assert result.returncode == 1 and '--array=0-3' in result.stderr
    assert not machine.calls('[srun]')


def test_a_job_from_elsewhere_is_refused(machine, tmp_path):
    result = submit(machine, root=str(tmp_path))
    assert result.returncode == 1 and 'no checkout of gan_jax' in result.stderr


def test_sbatch_is_asked_for_a_signal_in_time_and_to_allow_another_start():
    text = (ROOT / 'launch' / 'slurm.sbatch').read_text()
    asked = set(re.findall(r'^#SBATCH (\S+)', text[: text.index('set -eu')], flags=re.M))
    assert {'--signal=TERM@120', '--requeue', '--open-mode=append'} <= asked


# tpu_vm.sh, tpu_worker.sh ------------------------------------------------------------------------


def on_tpu(machine, *args, states=(), statuses=(), **environment):
    """tpu_vm.sh on a TPU that is these states one after another, where training ends like this."""
    machine.add('gcloud', GCLOUD)
    machine.add('git', "#!/bin/sh\nprintf 'launch/setup.sh\\0'\n")
    for name, lines in (('states', states), ('statuses', statuses)):
        Path(f'{machine.log}.{name}').write_text(''.join(f'{line}\n' for line in lines))
    environment = {'BUCKET': 'gs://b/runs', 'PAUSE': '0', **environment}
    return machine.run('tpu_vm.sh', *args, **environment)


def did(machine):
    """What gcloud was asked to do, in a word each; not what it was asked about."""
    words = {'queued-resources][create': 'create', 'queued-resources][delete': 'delete'}
    words |= {'tpu-vm][scp': 'copy', 'worker.sh install': 'install', 'worker.sh train': 'train'}
    lines = machine.log.read_text().splitlines()
    return [word for line in lines for part, word in words.items() if part in line]


ONCE = ['copy', 'install', 'train']


def test_a_tpu_is_asked_for_awaited_installed_and_trained_on(machine):
    states = ['', 'WAITING_FOR_RESOURCES', 'PROVISIONING', 'ACTIVE']
    result = on_tpu(machine, 'train', '--workdir=w', states=states, statuses=[0])
    assert result.returncode == 0, result.stderr
    assert did(machine) == ['create', *ONCE]
    (asked,) = machine.calls('create')
    assert '[--node-id=gan-jax]' in asked and '[--spot]' in asked and '[--zone=us-west4-a]' in asked
    assert all('[--worker=all]' in call for call in machine.calls('[tpu-vm]'))


def test_the_arguments_reach_the_workers_as_they_are(machine):
    """Through gcloud, ssh and the workers' shell, which is this one here."""
    on_tpu(machine, 'run', '--config=c.py', "--workdir=it's a w", statuses=[0], BUCKET='gs://a b')
    (call,) = machine.calls('worker.sh train')
    command = re.search(r'\[--command=(.*)\]$', call)[1]
    worker = r'sh() { printf "[%s]" "$BUCKET" "$@"; }; '
    said = subprocess.run(['sh', '-c', worker + command], capture_output=True, text=True).stdout
    script = 'gan_jax/launch/tpu_worker.sh'
    assert said == f"[gs://a b][{script}][train][--config=c.py][--workdir=it's a w]"


def test_a_tpu_that_was_taken_away_is_asked_for_again(machine):
    states = ['ACTIVE', 'SUSPENDING', 'SUSPENDED', '', 'ACTIVE']
    result = on_tpu(machine, 'train', '--workdir=w', states=states, statuses=[PREEMPTED, 0])
    assert result.returncode == 0, result.stderr
    assert did(machine) == [*ONCE, 'delete', 'create', *ONCE]
    assert '[--force][--quiet]' in machine.calls('delete')[0]


@pytest.mark.parametrize('status', [*sorted(RESUMABLE), 255])
def test_a_tpu_that_is_still_there_goes_on(machine, status):
    result = on_tpu(machine, 'train', states=['ACTIVE'] * 2, statuses=[status, 0])
    assert result.returncode == 0 and did(machine) == ONCE * 2


@pytest.mark.parametrize('status', [2, 65, 66, 69, 70, 73, 74, 75])
def test_a_fault_of_the_run_ends_it(machine, status):
    result = on_tpu(machine, 'train', states=['ACTIVE'] * 2, statuses=[status, 0])
    assert result.returncode == status and did(machine) == ONCE


@pytest.mark.slow
def test_what_never_ends_well_is_given_up(machine):
    result = on_tpu(machine, 'train', states=['ACTIVE'] * 101, statuses=[1] * 101)
    assert result.returncode == 1 and did(machine) == ONCE * 100
    assert 'does not finish' in result.stderr


def test_a_request_that_has_failed_is_reported(machine):
    result = on_tpu(machine, 'train', states=['', 'FAILED'])
    assert result.returncode == 1 and 'has failed' in result.stderr
    assert did(machine) == ['create']


def test_a_tpu_that_stays_can_be_asked_for_and_deleted(machine):
    on_tpu(machine, 'create', states=['', 'ACTIVE'], SPOT='0', TPU='mine', TYPE='v6e-8')
    (asked,) = machine.calls('create')
    assert '[create][mine]' in asked and '--accelerator-type=v6e-8' in asked
    assert '--spot' not in asked
    assert on_tpu(machine, 'delete', TPU='mine').returncode == 0
    assert '[delete][mine]' in machine.calls('delete')[0]


def test_a_dry_run_prints_and_does_nothing(machine):
    result = on_tpu(machine, 'train', '--workdir=w', DRY_RUN='1')
    assert result.returncode == 0, result.stderr
    assert machine.log.read_text() == ''
    lines = [line for line in result.stdout.splitlines() if line.startswith('gcloud ')]
    kinds = [re.findall(r"'(create|scp|ssh)'", line) for line in lines]
    assert kinds == [['create'], ['scp'], ['ssh'], ['ssh']]


def test_a_run_without_a_bucket_is_refused(machine):
    result = on_tpu(machine, 'train', '--workdir=w', BUCKET='')
    assert result.returncode == 1 and 'set BUCKET=' in result.stderr
    result = on_tpu(machine, 'start')
    assert result.returncode == 1 and "not 'start'" in result.stderr


@pytest.fixture
def worker(machine):
    """A worker of a TPU where everything is installed."""
    machine.add('gcloud', STORAGE)
    machine.add('env-python', TRAINER)
    (machine.root / '.venv' / 'bin').mkdir(parents=True)
    (machine.bin / 'env-python').rename(machine.root / '.venv' / 'bin' / 'python')
    return machine


def on_worker(worker, *args, status=0, **environment):
    environment = {'BUCKET': str(worker.root / 'bucket'), 'STATUS': str(status), **environment}
    return worker.run('tpu_worker.sh', *(args or ('train', '--workdir=w')), **environment)


def test_a_worker_trains_with_the_others_and_keeps_the_workdir(worker):
    result = on_worker(worker, 'train', '--config=my c.py', '--workdir=w', status=PREEMPTED)
    assert result.returncode == PREEMPTED
    (call,) = worker.calls('[python]')
    assert call == '[python][-m][gan_jax.train][--cluster=detect][--config=my c.py][--workdir=w]'
    assert (worker.root / 'bucket' / 'w' / 'rows').read_text() == 'step\n'


def test_a_new_tpu_goes_on_from_what_the_old_one_has_kept(worker):
    on_worker(worker)
    shutil.rmtree(worker.root / 'w')
    assert on_worker(worker).returncode == 0
    assert (worker.root / 'bucket' / 'w' / 'rows').read_text() == 'step\nstep\n'


def test_only_the_worker_that_writes_the_workdir_uploads_it(worker):
    on_worker(worker, OTHER='1')
    assert not (worker.root / 'bucket').exists()


def test_the_lock_stays_where_it_is(worker):
    on_worker(worker)
    (call,) = worker.calls(f'[{worker.root}/bucket/w]')[-1:]
    assert r'[--exclude=\.lock$]' in call and '[--delete-unmatched-destination-objects]' in call


def test_a_run_does_not_begin_anew_where_the_bucket_cannot_be_read(worker):
    result = on_worker(worker, BROKEN='1')
    assert result.returncode == 1 and 'no route' in result.stderr
    assert not worker.calls('[python]')


def test_a_worker_that_is_shut_down_uploads_what_was_saved(worker):
    assert on_worker(worker, status=PREEMPTED, SIGNAL='TERM').returncode == PREEMPTED
    assert (worker.root / 'bucket' / 'w' / 'rows').exists()


@pytest.mark.parametrize('workdir', ['', '--workdir=/w'])
def test_a_workdir_that_has_no_place_in_the_bucket_is_refused(worker, workdir):
    result = on_worker(worker, 'train', workdir)
    assert result.returncode == 2 and not worker.calls('[python]')


# Kubernetes, SkyPilot, Docker --------------------------------------------------------------------


def test_the_pods_of_a_jobset_meet_and_start_again_where_that_helps():
    claim, jobset = yaml.safe_load_all((ROOT / 'launch' / 'jobset.yaml').read_text())
    ((name, job),) = [(j['name'], j['template']['spec']) for j in jobset['spec']['replicatedJobs']]
    count = job['parallelism']
    assert job['completions'] == count and job['completionMode'] == 'Indexed'
    pod = job['template']['spec']
    (container,) = pod['containers']
    program, *flags = container['args']
    assert program == 'gan_jax.train' and (ROOT / flags[0].removeprefix('--config=')).exists()
    how = flags[-1].removeprefix('--cluster=').replace('$(JOB_COMPLETION_INDEX)', '1')
    host = f'{jobset["metadata"]["name"]}-{name}-0-0.{jobset["metadata"]["name"]}'
    port = container['ports'][0]['containerPort']
    assert distributed._EXPLICIT.fullmatch(how).groups() == (f'{host}:{port}', '1', str(count))
    # One pod that fails, fails the job, which restarts all, unless it has ended for good.
    assert job['backoffLimit'] == 0 and pod['restartPolicy'] == 'Never'
    (_, ended) = job['podFailurePolicy']['rules']
    assert ended['onExitCodes']['operator'] == 'NotIn'
    # Kubernetes wants them in order; JobSet's schema (0.6 to 0.12) a name for every rule.
    assert ended['onExitCodes']['values'] == sorted(RESUMABLE)
    (final,) = jobset['spec']['failurePolicy']['rules']
    assert re.fullmatch(r'[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?', final.pop('name'))
    assert final == {'action': 'FailJobSet', 'onJobFailureReasons': ['PodFailurePolicy']}
    volumes = [v['persistentVolumeClaim'] for v in pod['volumes'] if 'persistentVolumeClaim' in v]
    assert volumes == [{'claimName': claim['metadata']['name']}]


def test_the_machines_of_skypilot_meet_and_start_again_where_that_helps(worker):
    task = yaml.safe_load((ROOT / 'launch' / 'sky.yaml').read_text())
    # SkyPilot 0.14 restarts without end if any machine ends with one of these; those that it stops
    # because of another end with 137.
    recovery = task['resources']['job_recovery']
    assert recovery == {'max_restarts_on_errors': 3, 'recover_on_exit_codes': [PREEMPTED]}
    nodes = {'SKYPILOT_NODE_IPS': '10.0.0.1\n10.0.0.2', 'SKYPILOT_NODE_RANK': '1'}
    environment = {**nodes, 'SKYPILOT_NUM_NODES': str(task['num_nodes']), 'OTHER': '1'}
    (worker.root / 'launch' / 'run.sh').write_text(f'cd "{worker.root}"\n' + task['run'])
    assert worker.run('run.sh', STATUS='0', **environment).returncode == 0
    (call,) = worker.calls('[python]')
    flags = re.findall(r'\[([^]]*)\]', call)
    assert (ROOT / flags[3].removeprefix('--config=')).exists()
    how = distributed._EXPLICIT.fullmatch(flags[-1].removeprefix('--cluster='))
    assert how.groups() == ('10.0.0.1:1234', '1', '2')
    mounted = [path for path in task['file_mounts'] if flags[4].startswith(f'--workdir={path}/')]
    assert mounted


def test_the_machines_of_skypilot_get_a_python_that_is_new_enough(machine):
    task = yaml.safe_load((ROOT / 'launch' / 'sky.yaml').read_text())
    machine.add('python3', '#!/bin/sh\nexit 1\n')
    machine.add('new')
    machine.add('uv', '#!/bin/sh\n[ "$2" != find ] || dirname "$0" | sed "s|$|/new|"\n')
    (machine.root / 'launch' / 'set_up.sh').write_text(f'cd "{machine.root}"\n' + task['setup'])
    result = machine.run('set_up.sh', version='3.12')
    assert result.returncode == 0, result.stderr
    assert machine.calls(' jax[cuda12]==')


def test_xpk_starts_again_where_that_helps():
    """To the codes that it is given xpk 1.16 adds its own."""
    text = (ROOT / 'launch' / 'README.md').read_text()
    given = re.search(r'^xpk workload create .* --restart-on-exit-codes=([\d,]+) ', text, re.M)[1]
    restarted = {*map(int, given.split(',')), 42, *range(127, 256)}
    assert restarted >= RESUMABLE
    assert not restarted & (set(FINAL) - {139})


@pytest.mark.parametrize(('kind', 'extra'), [('gpu', 'cuda12'), ('tpu', 'tpu')])
def test_an_image_holds_what_its_set_up_reads(tmp_path, kind, extra):
    machine = Machine(tmp_path, python='python3')
    text = (ROOT / 'launch' / f'Dockerfile.{kind}').read_text()
    assert 'FROM python:3.12-slim\n' in text
    shutil.rmtree(machine.root)
    passed = (ROOT / '.dockerignore').read_text().splitlines()
    for *sources, folder in (line.split() for line in re.findall(r'^COPY (.*)$', text, flags=re.M)):
        for source in sources:
            assert f'!{source}' in passed
            to = machine.root / folder / (Path(source).name if folder.endswith('/') else '')
            to.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, to)
    assert f'RUN ACCELERATOR={extra} sh launch/setup.sh core' in text
    result = machine.run('setup.sh', 'core', ACCELERATOR=extra)
    assert result.returncode == 0, result.stderr
    assert any(f' jax[{extra}]==' in call for call in machine.calls(' install '))


# Its page ----------------------------------------------------------------------------------------


def test_the_page_has_every_file():
    text = (ROOT / 'launch' / 'README.md').read_text()
    files = {path.name for path in (ROOT / 'launch').iterdir()} - {'README.md'}
    assert not {name for name in files if name not in text}

%% What Erlang/OTP itself does of the things that bench/runtime.py measures; prints one figure.
-module(runtime).
-behaviour(gen_server).
-export([main/1, echo/1, init/1, handle_call/3, handle_cast/2]).

main([Mode | Arguments]) ->
    logger:set_primary_config(level, none),
    io:format("~.3f~n", [measure(Mode, [list_to_integer(Argument) || Argument <- Arguments])]),
    halt(0).

%% Calls a second, by so many callers at once.
measure("calls", [Callers, Calls]) ->
    {ok, Server} = echo([]),
    Each = Calls div Callers,
    rounds(Server, Callers, Each div 10),
    per_second(Callers * Each, fun() -> rounds(Server, Callers, Each) end);
%% Casts a second until the last one was handled.
measure("casts", [Casts]) ->
    {ok, Server} = echo([]),
    per_second(Casts, fun() -> [gen_server:cast(Server, N) || N <- lists:seq(1, Casts)], gen_server:call(Server, done) end);
%% Seconds to start so many children of a dynamic supervisor.
measure("start", [Count]) ->
    {ok, Pool} = supervisor:start_link({local, pool}, ?MODULE, {simple_one_for_one, [child(dynamic, [])]}),
    seconds(fun() -> [{ok, _} = supervisor:start_child(Pool, []) || _ <- lists:seq(1, Count)] end);
%% Seconds to stop so many.
measure("stop", [Count]) ->
    process_flag(trap_exit, true),
    {ok, Pool} = supervisor:start_link({local, pool}, ?MODULE, {simple_one_for_one, [child(dynamic, [])]}),
    [{ok, _} = supervisor:start_child(Pool, []) || _ <- lists:seq(1, Count)],
    seconds(fun() -> exit(Pool, shutdown), receive {'EXIT', Pool, _} -> ok end end);
%% Milliseconds from the kill of one child until all of its group answer again.
measure("group", [Count]) ->
    Names = [list_to_atom("child" ++ integer_to_list(N)) || N <- lists:seq(1, Count)],
    {ok, _} = supervisor:start_link(?MODULE, {one_for_all, [child(Name, [Name]) || Name <- Names]}),
    Before = whereis(hd(Names)),
    1000 * seconds(fun() -> exit(Before, kill), [again(Name, Before) || Name <- Names] end).

child(Id, Arguments) -> #{id => Id, start => {?MODULE, echo, [Arguments]}}.

echo([]) -> gen_server:start_link(?MODULE, echo, []);
echo([Name]) -> gen_server:start_link({local, Name}, ?MODULE, echo, []).

again(Name, Before) ->
    case whereis(Name) of
        undefined -> again(Name, Before);
        Before -> again(Name, Before);
        _ -> try gen_server:call(Name, x) catch exit:_ -> again(Name, Before) end
    end.

rounds(Server, Callers, Each) ->
    Workers = [spawn_monitor(fun() -> caller(Server, Each) end) || _ <- lists:seq(1, Callers)],
    [receive {'DOWN', Monitor, process, Pid, normal} -> ok end || {Pid, Monitor} <- Workers].

caller(_Server, 0) -> ok;
caller(Server, Left) ->
    Left = gen_server:call(Server, Left),
    caller(Server, Left - 1).

seconds(Work) ->
    Begun = erlang:monotonic_time(microsecond),
    Work(),
    (erlang:monotonic_time(microsecond) - Begun) / 1.0e6.

per_second(Count, Work) -> Count / seconds(Work).

init({Strategy, Children}) -> {ok, {#{strategy => Strategy, intensity => 10, period => 5}, Children}};
init(echo) -> {ok, none}.
handle_call(Message, _From, State) -> {reply, Message, State}.
handle_cast(_Message, State) -> {noreply, State}.

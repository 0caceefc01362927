%% Calls to one gen_server from N processes at once; prints calls a second.
-module(calls).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2]).

main([Callers, Calls]) ->
    N = list_to_integer(Callers),
    Each = list_to_integer(Calls) div N,
    {ok, Server} = gen_server:start_link(?MODULE, [], []),
    rounds(Server, N, Each div 10),
    Begun = erlang:monotonic_time(microsecond),
    rounds(Server, N, Each),
    Took = erlang:monotonic_time(microsecond) - Begun,
    io:format("~.1f~n", [N * Each * 1.0e6 / Took]),
    halt(0).

rounds(Server, N, Each) ->
    Workers = [spawn_monitor(fun() -> caller(Server, Each) end) || _ <- lists:seq(1, N)],
    [receive {'DOWN', Monitor, process, Pid, normal} -> ok end || {Pid, Monitor} <- Workers].

caller(_Server, 0) -> ok;
caller(Server, Left) ->
    Left = gen_server:call(Server, Left),
    caller(Server, Left - 1).

init([]) -> {ok, none}.
handle_call(Message, _From, State) -> {reply, Message, State}.
handle_cast(_Message, State) -> {noreply, State}.

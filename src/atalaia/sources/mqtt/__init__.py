"""What brokers pass on by MQTT 5: sessions that outlive connections, and what comes by them.

    session (a network thread a broker) ─► arrivals ─► subscriber: intake → keep → acknowledge

A message is acknowledged by hand after it is on disk, so that nothing that a broker still has is
lost by a crash of ours. `intake` says what payloads messages are: WIS2's (`wis2.intake`), or those
of people's stations (`pws.intake`).

The client is Eclipse Paho (paho-mqtt), in the extra `atalaia[wis2]`. It is the one that is kept by
a foundation, has MQTT 5 and acknowledging by hand; aiomqtt 2.5.1 is a layer upon it that has no
acknowledging by hand, and gmqtt and amqtt are one person's each.
"""

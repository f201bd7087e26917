#!/usr/bin/perl
# Adds the dynamic field in which agi-server keeps a call's unique id to each ticket, so that it
# finds the ticket of a call again and never opens a second one.
#
# Run it once, as the user that OTRS or Znuny runs as:
#     perl add-call-field.pl [--home /opt/otrs] [--name AsteriskUniqueID]
# --home is OTRS's folder; without it the usual places are tried. Running it again changes nothing.

use strict;
use warnings;
use utf8;

use Getopt::Long;

my ( $Home, $Name );

BEGIN {
    $Name = 'AsteriskUniqueID';
    GetOptions( 'home=s' => \$Home, 'name=s' => \$Name )
        or die "usage: $0 [--home FOLDER] [--name FIELD]\n";
    $Home //= ( grep { -e "$_/Kernel/System/ObjectManager.pm" } qw(/opt/znuny /opt/otrs /usr/share/otrs) )[0]
        // die "OTRS is in none of the usual places: say where with --home FOLDER\n";
    -e "$Home/Kernel/System/ObjectManager.pm" or die "$Home is not OTRS's folder\n";
    $Name =~ /\A[A-Za-z0-9]+\z/ or die "a field's name may have letters and digits only, not '$Name'\n";
    unshift @INC, $Home, "$Home/Kernel/cpan-lib", "$Home/Custom";
}

use Kernel::System::ObjectManager;

if ( $> == 0 ) {
    die "run this as the user that OTRS runs as (often otrs or znuny), not as root:"
        . " root's files in its cache would lock OTRS out\n";
}

local $Kernel::OM = Kernel::System::ObjectManager->new(
    'Kernel::System::Log' => { LogPrefix => 'add-call-field' },
);
my $Fields = $Kernel::OM->Get('Kernel::System::DynamicField');
my $Field  = $Fields->DynamicFieldGet( Name => $Name );

if ( %{ $Field // {} } ) {
    my $Found = "$Field->{FieldType} field of $Field->{ObjectType}";
    if ( $Field->{FieldType} ne 'Text' || $Field->{ObjectType} ne 'Ticket' ) {
        die "dynamic field $Name is there already, but it is a $Found, and a Text field of Ticket is needed:"
            . " choose another --name\n";
    }
    if ( $Field->{ValidID} != 1 ) {
        $Fields->DynamicFieldUpdate( %{$Field}, ValidID => 1, UserID => 1 )
            or die "dynamic field $Name is there, but not valid, and cannot be changed: see OTRS's log\n";
        print "dynamic field $Name was there, but not valid: it is valid now\n";
        exit 0;
    }
    print "dynamic field $Name is there already: nothing to do\n";
    exit 0;
}

my $FieldID = $Fields->DynamicFieldAdd(
    Name       => $Name,
    Label      => 'Asterisk call',
    FieldOrder => 1 + scalar @{ $Fields->DynamicFieldList( Valid => 0 ) },
    FieldType  => 'Text',
    ObjectType => 'Ticket',
    Config     => { DefaultValue => '' },
    ValidID    => 1,
    UserID     => 1,
) or die "dynamic field $Name cannot be added: see OTRS's log\n";
print "dynamic field $Name added (ID $FieldID)\n";
